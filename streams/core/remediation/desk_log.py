"""The desk as a lane's state: verdicts, ticks, rulings and reports in, decisions out, its memory in a changelog.

The watch may say again what it has said before a restart, in the same order: the desk passes that over. Decisions
that a person may still speak about are remembered for 30 days.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from schemas.aggregates import LaneMarker, Tick
from schemas.avro import Codec
from schemas.errors import FailureCode, Permanent
from schemas.failures import Stage
from schemas.remediation import Decision, Ruling
from schemas.reports import StandingReport
from schemas.topics import DAY_MS, DEAD_LETTERS, DECISIONS, VERDICTS
from schemas.verdicts import RemediationState, Verdict
from streams.core.changes import Cut, Row, Side, Totals
from streams.core.normalise import Origin, unreadable
from streams.core.remediation.desk import Desk

DECISION_PREFIX = b"\x00decision\x1f"
REMEMBERED_MS = 30 * DAY_MS


class DeskLog:
    """State of the only partition of `VERDICTS`."""

    def __init__(self, desk: Desk, codec: Codec) -> None:
        self.totals = Totals()
        self.made: list[Decision] = []  # since the last cut
        self._desk, self._codec = desk, codec
        self._decisions: dict[str, Decision] = {}
        self._clock = 0
        self._states: dict[tuple[str, str, str], str] = {}  # restored, until `start`
        self._fresh: dict[str, Decision | None] = {}
        self._sides: list[Side] = []

    # -- restore -------------------------------------------------------------------------------------------------

    def restore(self, keys: Sequence[bytes], values: Sequence[bytes | None]) -> None:
        """Changelog records in the order of the log. Raises Permanent for what is none of ours."""
        for key, value in zip(keys, values, strict=True):
            state = "" if value is None else self._codec.decode(value, RemediationState).state
            if key.startswith(DECISION_PREFIX):
                name = key.removeprefix(DECISION_PREFIX).decode()
                if state:
                    self._decisions[name] = Decision(**json.loads(state))
                else:
                    self._decisions.pop(name, None)
            else:
                tenant, kind, name = key.decode().split("\x1f", 2)
                if state:
                    self._states[tenant, kind, name] = state
                else:
                    self._states.pop((tenant, kind, name), None)

    def start(self, marker: LaneMarker | None) -> int:
        """Where to go on: at the marker."""
        self._desk.restore(self._states.items())
        self._states = {}
        self._clock = marker.clock if marker else 0
        return marker.next_offset if marker else 0

    # -- fold ----------------------------------------------------------------------------------------------------

    def fold(self, values: Sequence[bytes | None], offsets: Sequence[int]) -> None:
        """Take a batch of the log in. Never raises for a bad record."""
        for value, offset in zip(values, offsets, strict=True):
            try:
                decisions = self._take(value or b"")
            except Permanent as error:
                self._bury(value, offset, error.code, str(error))
                continue
            except (ArithmeticError, LookupError, TypeError, ValueError) as error:  # a defect, about this record
                self._bury(value, offset, FailureCode.UNEXPECTED, f"{type(error).__name__}: {error}")
                continue
            for decision in decisions:
                self._note(decision)

    def _take(self, value: bytes) -> list[Decision]:
        record = self._codec.version_of(value).record
        if record is Verdict:
            return self._desk.judge(self._codec.decode(value, Verdict))
        if record is Tick:
            at = self._codec.decode(value, Tick).at
            self._clock = max(self._clock, at)
            self._forget(at)
            return self._desk.pass_time(at)
        if record is StandingReport:
            return self._desk.report(self._codec.decode(value, StandingReport))
        ruling = self._codec.decode(value, Ruling)  # raises for anything else
        return self._desk.rule(ruling, self._decisions.get(ruling.decision_id))

    def _note(self, decision: Decision) -> None:
        self.made.append(decision)
        self._decisions[decision.decision_id] = self._fresh[decision.decision_id] = decision
        self._sides.append(Side(DECISIONS.name, decision.decision_id.encode(), self._codec.encode(decision)))

    def _forget(self, now_ms: int) -> None:
        old = [name for name, decision in self._decisions.items() if decision.decided_at < now_ms - REMEMBERED_MS]
        for name in old:
            del self._decisions[name]
            self._fresh[name] = None

    def _bury(self, value: bytes | None, offset: int, code: FailureCode, reason: str) -> None:
        letter = unreadable(value or b"", Origin(VERDICTS.name, 0, offset), code, reason, Stage.REMEDIATION)
        self._sides.append(Side(DEAD_LETTERS.name, letter.dead_letter_id.encode(), self._codec.encode(letter)))
        self.totals.dead += 1

    # -- flush ---------------------------------------------------------------------------------------------------

    def cut(self, next_offset: int) -> Cut:
        """Decisions since the last cut, and what the desk remembers now."""
        rows = [("\x1f".join(key).encode(), text) for key, text in self._desk.changed()]
        rows += [
            (DECISION_PREFIX + name.encode(), "" if decision is None else _as_json(decision))
            for name, decision in self._fresh.items()
        ]
        sides, self._sides, self._fresh, self.made = self._sides, [], {}, []
        marker = LaneMarker(next_offset=next_offset, clock=self._clock, watermark=self._clock)
        return Cut([self._row(key, text) for key, text in rows], self._codec.encode(marker), sides)

    def _row(self, key: bytes, text: str) -> Row:
        return key, self._codec.encode(RemediationState(state=text)) if text else None


def _as_json(decision: Decision) -> str:
    return json.dumps(asdict(decision), sort_keys=True, separators=(",", ":"))
