"""`mailweir reputation backtest`: what a policy would have decided on stored events, and what that would have saved.

Reads ClickHouse, writes nothing but the report. The JSON depends on the store and the policy alone: the same store and
policy, the same bytes, whatever the order of its rows; so it has no word on how long the run took.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

from clickhouse_connect.driver.client import Client
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from schemas.avro import Codec
from schemas.config import Config
from schemas.config_file import load_config
from schemas.errors import Misconfigured
from schemas.remediation import Decision, Mode
from schemas.settings import Settings
from streams.commands import backtest_text as text
from streams.commands.numbers import numbers_of
from streams.commands.stored_events import MOST_EVENTS, Window, last_receipt, stretches, values
from streams.commands.stored_mail import held_by_decision, real_decisions
from streams.core.backtest.reality import Real, matched
from streams.core.backtest.replay import Replay
from streams.core.backtest.spans import NONE_SENT, Sent, Span, spans_of
from streams.core.remediation.possible import policies
from streams.core.reputation.watch.parameters import Parameters
from streams.core.slots import SLOT_MS
from streams.lane.guard import apart
from streams.local.instants import parse_instant

_AGREED, _DONE = "had_a_person_agreed", "done_by_itself"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The command line. `since`, `until`: moments as people write them, `until` "" for the last stored event."""

    since: str
    until: str = ""
    tenant: str = ""
    json_path: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What is tried: policies, where they are from, and the detectors' numbers."""

    config: Config
    name: str
    parameters: Parameters
    codec: Codec = field(default_factory=Codec)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A back-test. `held`: by place of the decision; `real`: what each one really was; `only_real`: the rest."""

    window: Window
    rules: Rules
    replay: Replay
    spans: Sequence[Span]
    held: Mapping[int, Sent]
    real: Sequence[Real | None]
    only_real: Sequence[Real]

    @property
    def decisions(self) -> list[Decision]:
        """In the order in which they would have been made."""
        return self.replay.decisions


def run(
    store: Client, asked: Asked, rules: Rules, out: TextIO, screen: Console, now_ms: int, seconds: Callable[[], float]
) -> int:
    """Back-test and report: 0. `screen`: shows progress if it is a terminal; `seconds`: of any clock.

    Raises Misconfigured or Transient.
    """
    window = window_of(store, asked, now_ms)
    if window.until <= window.since:
        out.write(text.nothing(window))
        return 0
    began_s = seconds()
    result = backtest(store, window, rules, screen)
    took_s = seconds() - began_s
    report = report_of(result)
    if asked.json_path is not None:
        asked.json_path.write_text(json.dumps(report, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    out.write(text.page(report, took_s))
    return 0


def rules_of(of: Settings, policy: Path | None, parameters: Path | None, environ: Mapping[str, str]) -> Rules:
    """What is tried: the files that are named, else the configured ones. Raises Misconfigured."""
    config = load_config(policy or of.config, environ)
    if policy and "policies" not in config.model_fields_set:
        raise Misconfigured(f"--policy: {policy} has no `policies:`; write them as in mailweir.yaml (docs/policies.md)")
    return Rules(config=config, name=str(policy or of.config), parameters=numbers_of(of, parameters))


def window_of(store: Client, asked: Asked, now_ms: int) -> Window:
    """The span of the back-test; it ends with the second of the last event, or where it was told. Empty: none."""
    since = parse_instant(asked.since, now_ms, where="--since")
    until = parse_instant(asked.until, now_ms, where="--until") if asked.until else now_ms
    if until <= since:
        raise Misconfigured(f"--until: {asked.until or 'now'} is not after --since {asked.since}")
    last = last_receipt(store, Window(since, until, asked.tenant))
    if not last:
        return Window(since, since, asked.tenant)
    return Window(since, until if asked.until else (last // SLOT_MS + 1) * SLOT_MS, asked.tenant)


def backtest(store: Client, window: Window, rules: Rules, screen: Console, most: int = MOST_EVENTS) -> Result:
    """Replay the window, at most `most` events at once; ask what would have been held back and what was decided."""
    replay = Replay(window.since, policies(rules.config), rules.parameters, rules.codec, apart)
    parts = stretches(store, window, most)
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=screen,
        transient=True, disable=not screen.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task("events", total=sum(part.rows for part in parts))
        for part in parts:
            replay.take(values(store, part, window, rules.codec))
            bar.update(task, advance=part.rows)
        replay.end(window.until)
    spans = spans_of(replay.decisions, window.until)
    real, only_real = matched(replay.decisions, real_decisions(store, window))
    return Result(
        window=window, rules=rules, replay=replay, spans=spans, held=held_by_decision(store, spans, window), real=real,
        only_real=only_real,
    )  # fmt: skip


def report_of(found: Result) -> dict[str, Any]:
    """Everything as plain data; times in ms since the epoch."""
    ends = {span.place: span.end for span in found.spans}
    return {
        "since": found.window.since,
        "until": found.window.until,
        "tenant": found.window.tenant,
        "policy": {
            "from": found.rules.name,
            "versions": {policy.tenant: policy.version for policy in found.rules.config.policies},
        },
        "parameters": found.rules.parameters.version,
        "events": {
            "read": found.replay.events, "repeated": found.replay.repeated, "late": found.replay.late,
            "unusable": found.replay.unusable,
        },
        "decisions": [
            {
                **asdict(decision),
                "evidence": json.loads(decision.evidence),
                "held_back": _held(found.held[place], ends[place]) if place in found.held else None,
                "in_reality": asdict(real) if real else None,
            }
            for place, (decision, real) in enumerate(zip(found.decisions, found.real, strict=True))
        ],
        "only_in_reality": [asdict(real) for real in found.only_real],
        "totals": _totals(found),
    }  # fmt: skip


def _held(sent: Sent, until: int) -> dict[str, int]:
    return {**_whole(sent), "until": until}


def _totals(found: Result) -> dict[str, Any]:
    sums = {_DONE: NONE_SENT, _AGREED: NONE_SENT}
    for place, sent in sorted(found.held.items()):
        name = _DONE if found.decisions[place].mode == Mode.ACT else _AGREED
        sums[name] = sums[name].plus(sent, 1.0)
    return {
        "decisions": len(found.decisions),
        "also_in_reality": sum(real is not None for real in found.real),
        "only_in_reality": len(found.only_real),
        "held_back": {name: _whole(sent) for name, sent in sums.items()},
    }


def _whole(sent: Sent) -> dict[str, int]:
    return {name: round(number) for name, number in sent._asdict().items()}
