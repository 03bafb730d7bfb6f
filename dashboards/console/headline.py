"""The state of the sending in one sentence, from the answers the panels already have. Pure.

Order of precedence: no data, campaigns paused, a pause advised or failed, keys throttled, keys on watch,
recovering, all healthy. The page adds the time of day in the reader's zone, so times stay numbers here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from schemas.aggregates import KeyKind, Level
from schemas.remediation import OutcomeStatus

Record = dict[str, Any]

_NOUNS = {
    KeyKind.CAMPAIGN: ("campaign", "campaigns"),
    KeyKind.IP: ("sending IP", "sending IPs"),
    KeyKind.DOMAIN: ("sending domain", "sending domains"),
}
_NAMED_AT_MOST = 3


@dataclass(frozen=True, slots=True)
class Headline:
    """`tone` is a Level or "empty"; `title` the sentence; `detail` why; `at_ms` since when (0: no time)."""

    tone: str
    title: str
    detail: str = ""
    at_ms: int = 0


def headline(scores: Sequence[Record], paused: Sequence[Record]) -> Headline:
    """Say what matters most. `scores`: rows of scores.sql, `paused`: rows of campaign_states.sql."""
    done = [row for row in paused if _has(row, OutcomeStatus.DONE)]
    if done:
        return _about("paused", done, tone=Level.PAUSED)
    dry = [row for row in paused if _has(row, OutcomeStatus.DRY_RUN)]
    if dry:
        return _about("paused (dry run, nothing was sent)", dry, tone=Level.PAUSED)
    if paused:
        return _about("should be paused, mailweir has not done it", paused, tone=Level.PAUSED)
    worst = _worst(scores)
    if worst is not None:
        return worst
    return _calm(scores)


def _about(state: str, rows: Sequence[Record], *, tone: str) -> Headline:
    names = [str(row["campaign_id"]) for row in rows]
    noun = _NOUNS[KeyKind.CAMPAIGN][len(rows) != 1]
    first = rows[0]
    detail = _lower_first(str(first["reason"]).split(". ", maxsplit=1)[0]) if len(rows) == 1 else ""  # what was seen
    return Headline(tone, f"{len(rows)} {noun} {state}: {_names(names)}", detail, int(first["decided_at"]))


def _worst(scores: Sequence[Record]) -> Headline | None:
    """The worst level anywhere, told of campaigns before IPs before domains; None when all are healthy."""
    for level, words in (
        (Level.PAUSED, "in trouble"),
        (Level.THROTTLED, "sending too fast for its reputation"),
        (Level.WATCH, "to watch"),
        (Level.RECOVERING, "recovering"),
    ):
        for kind, nouns in _NOUNS.items():
            rows = [row for row in scores if row["kind"] == kind and row["level"] == level]
            if rows:
                names = [str(row["key"]) for row in rows]
                state = words if len(rows) == 1 else words.replace("its", "their")
                detail = _main_reason(rows[0]) if len(rows) == 1 else ""
                return Headline(level, f"{len(rows)} {nouns[len(rows) != 1]} {state}: {_names(names)}", detail)
    return None


def _main_reason(row: Record) -> str:
    """The sentence of the penalty that weighs most; "" when there is none."""
    penalties = json.loads(row.get("penalties") or "[]")
    return str(max(penalties, key=lambda penalty: float(penalty["points"]))["reason"]) if penalties else ""


def _calm(scores: Sequence[Record]) -> Headline:
    if not scores:
        return Headline("empty", "No mail seen yet")
    campaigns = sum(row["kind"] == KeyKind.CAMPAIGN for row in scores)
    if campaigns == 1:
        return Headline(Level.HEALTHY, "The campaign is healthy")
    if campaigns:
        return Headline(Level.HEALTHY, f"All {campaigns} campaigns healthy")
    return Headline(Level.HEALTHY, "All senders healthy")


def _has(row: Record, status: OutcomeStatus) -> bool:
    return status in (row.get("statuses") or ())


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMED_AT_MOST])
    rest = len(names) - _NAMED_AT_MOST
    return f"{shown} and {rest} more" if rest > 0 else shown


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:] if text[1:2].islower() else text
