"""The runs of one recipient: facts, changes of membership and time in, steps out.

Pure: what is kept is bytes, and what a step says depends on the recipient's facts in the order of the log and the clock
at each, never on when the runs are looked at. What happened when nobody waited for it is forgotten; what was known
before a run is for its branches.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from schemas.journeys.steps import StepKind, run_id
from schemas.transitions import RULE
from streams.core.journeys import ops
from streams.core.journeys.flows import Flow, Flows
from streams.core.journeys.kept import LATE_MS, MOST_RUNS, MOST_SEEN, Run, forget, opened, packed
from streams.core.journeys.ops import IsMember, Moment, Step, say
from streams.core.segments.fact import Fact
from streams.core.segments.recipient import Change
from streams.core.segments.records import ident


class Ride:
    """What journeys know of one recipient. Times are ms since 1970; `now` is the clock of the log and never goes back.

    `is_member`: whether the recipient is in the segment of that id, at the instant at which it is asked; one of
    `flows.asked`. Raises ValueError for bytes that are no state.
    """

    __slots__ = ("_flows", "_kept", "_key")

    def __init__(self, flows: Flows, key: str, stored: bytes = b"") -> None:
        self._flows, self._key, self._kept = flows, key, opened(stored)

    def pack(self) -> bytes:
        """The state, to be opened again; nothing if there is nothing to know."""
        return packed(self._kept)

    @property
    def next_at(self) -> int | None:
        """When time alone moves a run; None: never. 0: now, for the version of a run is not known any more."""
        if any(run.code not in self._flows.by_code for run in self._kept.runs):
            return 0
        return min((run.due for run in self._kept.runs), default=None)

    def is_moved_by(self, fact: Fact | None, changes: Sequence[Change]) -> bool:
        """False: `take` and `advance` would do nothing, so the recipient's memberships need not be known."""
        return bool(self._kept.runs) or self._flows.is_about(fact, changes)

    def advance(self, now: int, is_member: IsMember) -> list[Step]:
        """What time alone does up to `now`, each step at its instant; of one instant the older run first."""
        steps = self._end_strangers(now)
        while self._kept.runs:
            run = min(self._kept.runs, key=_due)
            if run.due > now:
                break
            moment, flow = self._moment(run.due, "", is_member), self._flows.by_code[run.code]
            forget(self._kept, moment.at, self._flows.capped)
            op = flow.ops[run.place]
            assert isinstance(op, ops.Wait | ops.Until)  # noqa: S101 - runs stay at nothing else
            say(flow, run, moment, StepKind.WAITED, "time", op.place)
            self._walk(flow, run, moment, op.late)
            steps += moment.steps
        return steps

    def take(self, fact: Fact | None, changes: Sequence[Change], now: int, is_member: IsMember) -> list[Step]:
        """What a fact does, or changes of membership of one cause; `advance` has gone up to `now`.

        Runs end or go on, the oldest first; then journeys are entered, those of one event in the order of their ids. A
        fact that let in, or could have, does nothing when it comes again.
        """
        steps = self._end_strangers(now)
        forget(self._kept, now, self._flows.capped)
        entries = [] if fact is None else self._entries(fact)
        if fact is not None and entries and not self._is_news(fact, now):
            fact, entries = (None if _is_repeated(fact, self._kept.seen) else fact), []
        cause = fact.event_id if fact is not None else (changes[0].cause if changes else "")
        moment = self._moment(now, cause, is_member)
        for run in list(self._kept.runs):
            self._stir(run, fact, moment)
        for flow, key in entries:
            assert fact is not None  # noqa: S101 - no fact, no entries
            self._enter(flow, key, fact.event_id, min(fact.at, now), moment)
        for change in changes:
            for flow in self._flows.let_in_by(change) if change.cause != RULE else ():
                self._enter(flow, "", f"{change.segment_id} {change.effective_at}", now, moment)
        return steps + moment.steps

    def _moment(self, at: int, cause: str, is_member: IsMember) -> Moment:
        return Moment(at, cause, self._key, is_member, self._kept, self._flows.capped)

    def _end_strangers(self, now: int) -> list[Step]:
        """Runs of versions that nobody knows any more."""
        known = self._flows.by_code
        gone = [run for run in self._kept.runs if run.code not in known]
        if not gone:
            return []
        self._kept.runs = [run for run in self._kept.runs if run.code in known]
        moment = self._moment(now, RULE, lambda _: False)
        for run in gone:
            say(_Unknown(run.journey), run, moment, StepKind.LEFT, "gone")
        return moment.steps

    def _entries(self, fact: Fact) -> list[tuple[Flow, str]]:
        """Journeys that the fact fits, each with the key of a run."""
        found = []
        for flow in self._flows.let_in(fact):
            entering = flow.entering
            if entering is not None and entering.fits(fact):
                key = entering.key_of(fact.properties)
                found += [] if key is None else [(flow, key)]
        return found

    def _is_news(self, fact: Fact, now: int) -> bool:
        """Remember that the fact let in; False if it must not: it is a repeat, too late, or one of too many."""
        seen = self._kept.seen
        if abs(now - fact.at) >= LATE_MS or len(seen) >= MOST_SEEN or _is_repeated(fact, seen):
            return False
        seen.append((ident(fact.event_id), fact.at))
        return True

    def _stir(self, run: Run, fact: Fact | None, moment: Moment) -> None:
        """End the run, or let it go on, if that is what it waits for."""
        flow = self._flows.by_code[run.code]
        at = None if fact is None else min(fact.at, moment.at)
        ended = fact if at is not None and at >= run.began else None
        if any(sign.comes(ended, run.key) or (sign.asked and moment.is_member(sign.asked)) for sign in flow.endings):
            self._leave(flow, run, moment)
            return
        op = flow.ops[run.place]
        if not isinstance(op, ops.Until):
            return
        if op.sign.comes(fact if at is not None and at > run.since else None, run.key):
            say(flow, run, moment, StepKind.WAITED, "event", op.place)
        elif op.sign.asked and moment.is_member(op.sign.asked):
            say(flow, run, moment, StepKind.WAITED, "if", op.place)
        else:
            return
        self._walk(flow, run, moment, op.then)

    def _enter(self, flow: Flow, key: str, entering: str, began: int, moment: Moment) -> None:
        """Begin a run, unless the journey does not let in again now."""
        kept = self._kept
        mine = [run for run in kept.runs if run.journey == flow.id]
        is_over = not mine if flow.policy != "per_key" else all(run.key != key for run in mine)
        if not is_over or flow.mark in kept.once:
            return
        id_ = bytes.fromhex(run_id(self._flows.tenant, self._key, flow.id, key, entering))
        run = Run(flow.code, flow.id, id_, key, began, 0, began, 0, 0)
        if len(kept.runs) >= MOST_RUNS:
            say(flow, run, moment, StepKind.REFUSED, "too_many")
            return
        if flow.policy == "never":
            kept.once.append(flow.mark)
        kept.runs.append(run)
        say(flow, run, moment, StepKind.ENTERED)
        if any(sign.asked and moment.is_member(sign.asked) for sign in flow.endings):
            self._leave(flow, run, moment)
            return
        moment.is_first = True
        self._walk(flow, run, moment, 0)
        moment.is_first = False

    def _walk(self, flow: Flow, run: Run, moment: Moment, here: int) -> None:
        """From this operation on, until the run waits or is over."""
        while here >= 0:
            here = flow.ops[here].go(flow, run, moment, here)
        if here == ops.LEAVES:
            self._kept.runs.remove(run)

    def _leave(self, flow: Flow, run: Run, moment: Moment) -> None:
        say(flow, run, moment, StepKind.LEFT, "exit_when")
        self._kept.runs.remove(run)


class _Unknown(NamedTuple):
    """A journey of which only a run knows."""

    id: str
    version: str = ""
    mark: bytes = b""


def _due(run: Run) -> int:
    return run.due


def _is_repeated(fact: Fact, seen: Sequence[tuple[bytes, int]]) -> bool:
    mark = ident(fact.event_id)
    return any(each == mark for each, _ in seen)
