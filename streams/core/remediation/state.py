"""What is remembered of one key, and its one-line JSON: the same state is always the same bytes.

Only what differs from the beginning is written; what is remembered ends (`machine.py` says when), so memory grows with
keys in trouble and not with keys watched.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, NamedTuple

from schemas.aggregates import Level, Signal
from schemas.verdicts import Verdict
from streams.core.remediation.tally import NO_VOLUME, Tally, Volume
from streams.core.remediation.trial import Answer, Trial

StateKey = tuple[str, str, str]  # tenant, kind, key


class Act(NamedTuple):
    """What is to be done, and what is in force once it is: `phase` and `share`. `step` names it within the episode."""

    action: str
    share: float
    phase: str  # Level
    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A decision that waits for a person."""

    decision_id: str
    act: Act
    expires_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyState:
    """Times are the log's (ms, 0: never). The episode, begun with the first signal, is named by its time.

    `phase`: what is in force (healthy, watch: nothing); `share` of the usual rate that is let through. `decided`: the
    worst level that was decided on in the episode, `steps` what was decided at which level, `number` how often.
    `since`: when the present phase or step of it began. `blamed_at`: the last decision at throttled or worse; for a day
    it explains wider keys. `stops`: of the last seven days. `held`: why only a person resumes the key. `said_at`,
    `said_times`: the alert that nobody has answered. `reverted`: decisions that a person has taken back.
    `is_moved`: its mail goes through the policy's `probation_pool`. `waits_until`: the end of the quiet hours that
    something waits for; `wake_at`: when to look again without a verdict.
    """

    phase: Level = Level.HEALTHY
    at: int = 0  # the last verdict taken in
    episode: int = 0
    decided: Level = Level.HEALTHY
    steps: tuple[tuple[str, str], ...] = ()
    number: int = 0
    quiet_since: int = 0
    decided_at: int = 0
    blamed_at: int = 0
    share: float = 1.0
    since: int = 0
    causes: tuple[str, ...] = ()
    stopped: Tally | None = None  # the counts at the last stop
    held: str = ""
    stops: tuple[int, ...] = ()
    said_at: int = 0
    said_times: int = 0
    reverted: tuple[str, ...] = ()
    is_moved: bool = False
    waits_until: int = 0
    wake_at: int = 0
    volume: Volume = NO_VOLUME
    pending: Pending | None = None
    trial: Trial | None = None
    last: Verdict | None = None


NOTHING = KeyState()
IN_FORCE = frozenset({Level.THROTTLED, Level.PAUSED, Level.RECOVERING})


def canonical(value: object) -> str:
    """JSON on one line, keys sorted: equal values, equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def as_text(state: KeyState) -> str:
    """The state as canonical JSON; "" for one that holds nothing."""
    return "" if state == NOTHING else canonical(changed_fields(state))


def changed_fields(record: Any) -> dict[str, Any]:
    """The fields that differ from their defaults, nested records likewise."""
    found: dict[str, Any] = {}
    for item in fields(record):
        value = getattr(record, item.name)
        if value != _default(item):
            found[item.name] = _plain(value)
    return found


def from_text(text: str) -> KeyState:
    """The inverse of `as_text`. Raises ValueError, KeyError or TypeError for a text that it did not write."""
    if not text:
        return NOTHING
    given: dict[str, Any] = json.loads(text)
    read = {name: _READERS[name](value) if name in _READERS else value for name, value in given.items()}
    return KeyState(**read)


def _default(item: Any) -> object:
    if item.default is not MISSING:
        return item.default
    return item.default_factory() if item.default_factory is not MISSING else MISSING


def _plain(value: Any) -> Any:
    if hasattr(value, "__dataclass_fields__"):
        return changed_fields(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _verdict(given: Mapping[str, Any]) -> Verdict:
    return Verdict(**{**given, "signals": [Signal(**signal) for signal in given.get("signals", ())]})


def _trial(given: Mapping[str, Any]) -> Trial:
    return Trial(
        base=Tally(*given["base"]),
        step=Tally(*given["step"]),
        seen=Tally(*given["seen"]),
        causes=tuple(given["causes"]),
        old_rate=given["old_rate"],
        answers=tuple(Answer(**answer) for answer in given["answers"]),
        cohorts=tuple((sent, count) for sent, count in given.get("cohorts", ())),
        is_accepted=given.get("is_accepted", False),
    )


def _pending(given: Mapping[str, Any]) -> Pending:
    return Pending(**{**given, "act": Act(*given["act"])})


_READERS: Mapping[str, Any] = {
    "phase": Level,
    "decided": Level,
    "steps": lambda value: tuple((action, level) for action, level in value),
    "causes": tuple,
    "stopped": lambda value: Tally(*value),
    "stops": tuple,
    "reverted": tuple,
    "volume": lambda value: Volume(*value),
    "pending": _pending,
    "trial": _trial,
    "last": _verdict,
}
