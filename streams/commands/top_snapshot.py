"""What `mailweir top` knows at an instant: the console's named queries, asked again each time, as plain figures.

Definitions are those of the console's key figures: settled is delivered or bounced; a deferral is of all attempts, a
complaint of delivered mail; a share without denominator is None. Times are milliseconds since the Unix epoch.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from clickhouse_connect.driver.exceptions import ClickHouseError

from dashboards.console.panels import LIVE_SPAN_S, Panel
from dashboards.console.sampler import LivePanel
from dashboards.console.store import Store
from schemas.aggregates import RANK, Level
from schemas.errors import MailweirError, Transient
from schemas.rulings import State
from sinks.clickhouse import translate

RATE_SPAN_S = 60
_BUCKET_S = 5
_DAY_S = 86_400
_SCORED_SPAN_S = 6 * 3_600
_OPEN = frozenset({State.OPEN, State.WAITING, State.APPROVED, State.REVERTING, State.FAILED, State.REVERT_FAILED})
_MOST_KEYS, _MOST_DECISIONS = 100, 100  # more than a screen shows
_SAME = {"queued": "sent", "failed": "rejected"}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`trouble`: why there are no newer figures, "" if there are; the figures are then those of `at_ms`, 0: never."""

    at_ms: int = 0
    trouble: str = ""
    rates: Mapping[str, float] = field(default_factory=dict)
    totals: Mapping[str, Any] = field(default_factory=dict)
    keys: tuple[Mapping[str, Any], ...] = ()
    decisions: tuple[Mapping[str, Any], ...] = ()
    open_decisions: int = 0
    pipeline: Mapping[str, Any] = field(default_factory=dict)
    dead_letters: tuple[Mapping[str, Any], ...] = ()


class Watching:
    """Asks the store, however often; what it knew stays when the store is away. `tenant` "": all of them."""

    def __init__(self, store: Store, tenant: str, clock_ms: Callable[[], int]) -> None:
        of = {"tenant": tenant}
        panels = (
            Panel("event_rates", 0, RATE_SPAN_S, {**of, "bucket_s": str(_BUCKET_S)}),
            Panel("totals", 0, LIVE_SPAN_S, of),
            Panel("scores", 0, _SCORED_SPAN_S, {**of, "limit": str(_MOST_KEYS)}),
            Panel("decisions", 0, _DAY_S, {**of, "limit": str(_MOST_DECISIONS)}),
            Panel("pipeline", 0, LIVE_SPAN_S, of),
            Panel("dead_letters_by_code", 0, _DAY_S, of),
        )
        self._panels = [LivePanel(panel, store, clock_ms) for panel in panels]
        self._clock_ms = clock_ms
        self._last = Snapshot()

    async def look(self) -> Snapshot:
        """What is known now; the figures of before with the trouble in a sentence where the store has no answer."""
        found = await asyncio.gather(*(live.fresh(-1.0) for live in self._panels), return_exceptions=True)
        answers: dict[str, list[dict[str, Any]]] = {}
        for live, table in zip(self._panels, found, strict=True):
            if isinstance(table, Transient):
                self._last = replace(self._last, trouble=_sentence(table))
                return self._last
            if isinstance(table, BaseException):
                raise table
            answers[live.panel.query] = table.records()
        self._last = snapshot(answers, self._clock_ms())
        return self._last


def snapshot(answers: Mapping[str, list[dict[str, Any]]], at_ms: int) -> Snapshot:
    """The figures out of the queries' rows. Pure."""
    rates: dict[str, float] = {}
    for row in answers["event_rates"]:
        name = _SAME.get(row["event_type"], row["event_type"])
        rates[name] = rates.get(name, 0.0) + row["events_per_s"] * _BUCKET_S / RATE_SPAN_S
    decisions = [_decision(row) for row in answers["decisions"]]
    is_open = [each["state"] in _OPEN for each in decisions]
    first = [each for each, yes in zip(decisions, is_open, strict=True) if yes]
    rest = [each for each, yes in zip(decisions, is_open, strict=True) if not yes]
    return Snapshot(
        at_ms=at_ms,
        rates={name: round(rate, 3) for name, rate in rates.items()},
        totals=_shares(answers["totals"][0]),
        keys=tuple(sorted((_key(row) for row in answers["scores"]), key=_worst_first)),
        decisions=(*first, *rest),
        open_decisions=len(first),
        pipeline=answers["pipeline"][0],
        dead_letters=tuple(answers["dead_letters_by_code"]),
    )


def _sentence(error: Transient) -> str:
    """What went wrong as the command line says it: the cause's words, since the console's own speak of its page."""
    cause = error.__cause__
    if isinstance(cause, ClickHouseError):
        cause = translate(cause, "asking the store")
    text = str(cause if isinstance(cause, MailweirError) else error)
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?')) else '.'}"


def as_json(found: Snapshot) -> dict[str, Any]:
    """The snapshot as one object."""
    return {name: getattr(found, name) for name in Snapshot.__slots__}


def _shares(totals: Mapping[str, Any]) -> dict[str, Any]:
    settled = totals["delivered"] + totals["bounced"]
    parts = {
        "delivered_share": (totals["delivered"], settled),
        "bounced_share": (totals["bounced"], settled),
        "deferred_share": (totals["deferred"], settled + totals["deferred"]),
        "complained_share": (totals["complained"], totals["delivered"]),
    }
    return {**totals, "settled": settled, **{name: a / b if b else None for name, (a, b) in parts.items()}}


def _key(row: Mapping[str, Any]) -> dict[str, Any]:
    penalties = json.loads(row["penalties"] or "[]")
    worst = max(penalties, key=lambda penalty: float(penalty["points"]), default=None)
    plain = ("tenant", "kind", "key", "level", "score", "score_low", "score_high", "delivered", "as_of")
    return {**{name: row[name] for name in plain}, "reason": worst["reason"] if worst else ""}


def _worst_first(key: Mapping[str, Any]) -> tuple[int, float, str]:
    rank = RANK[Level(key["level"])] if key["level"] in set(Level) else 0
    return -rank, key["score"], key["key"]


def _decision(row: Mapping[str, Any]) -> dict[str, Any]:
    plain = ("decision_id", "tenant", "kind", "key", "action", "mode", "state", "reason", "decided_at", "expires_at")
    return {name: row[name] for name in plain}
