"""A tenant's journeys, compiled once: what lets in, what ends, and the steps in one row.

`Flows` holds nothing of any recipient.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from schemas.errors import Misconfigured
from schemas.journeys.canonical import journey_version
from schemas.journeys.checks import rules_of
from schemas.journeys.endings import Enter
from schemas.journeys.journey import (
    EXIT,
    BranchStep,
    CallStep,
    CapStep,
    Journey,
    SplitStep,
    Step,
    WaitStep,
    WaitUntilStep,
)
from schemas.segments.rules import Segment
from streams.core.journeys import ops
from streams.core.journeys.endings import HIDDEN, Sign, Trigger, asked_by, sign, trigger
from streams.core.segments.fact import Fact
from streams.core.segments.recipient import Change
from streams.core.segments.records import short

CODE = 5  # bytes


class Flow(NamedTuple):
    """A journey. `code`: of its id and version, which a run has; `mark`: of its id alone.

    `entering`: the event that lets in, or None; else `segment` does, by entering it (`is_entry`) or by leaving it.
    """

    id: str
    version: str
    code: bytes
    mark: bytes
    policy: str
    entering: Trigger | None
    segment: str
    is_entry: bool
    endings: tuple[Sign, ...]
    ops: tuple[ops.Op, ...]

    @property
    def signs(self) -> Iterator[Sign]:
        """All that it waits for or ends by."""
        yield from self.endings
        yield from (op.sign for op in self.ops if isinstance(op, ops.Until))


class Flows:
    """The journeys of one tenant. Raises Misconfigured where two have one id, or are of different tenants.

    `earlier`: versions that were in force before; nobody enters them, and their runs go on. A run of a version that is
    in neither ends, which is recorded. `names`: of the facts that any journey looks at. `rules`: to be followed as
    segments beside the tenant's own; their transitions are nobody's business (`is_hidden`). `code`: of all of it.
    """

    def __init__(self, journeys: Sequence[Journey], earlier: Sequence[Journey] = ()) -> None:
        _refuse_twice(journeys)
        everyone = [*journeys, *earlier]
        self.tenant = everyone[0].tenant if everyone else ""
        current = [_compiled(journey) for journey in sorted(journeys, key=lambda journey: journey.id)]
        self.by_code = {flow.code: flow for flow in [*map(_compiled, earlier), *current]}
        self._by_name = _grouped(
            (name, flow) for flow in current if flow.entering for name in sorted(flow.entering.names)
        )
        self._by_segment = _grouped((flow.segment, flow) for flow in current if flow.segment)
        every = list(self.by_code.values())
        signs = [one for flow in every for one in flow.signs]
        self.names = frozenset(self._by_name).union(*(one.trigger.names for one in signs if one.trigger))
        self.rules = _rules(everyone)
        branches = {op.asked for flow in every for op in flow.ops if isinstance(op, ops.Branch)}
        self.asked = frozenset({one.asked for one in signs if one.asked} | branches)
        self.capped = _capped(every)
        codes = b"".join(sorted(self.by_code)) + b"".join(sorted(flow.code for flow in current))
        self.code = hashlib.blake2b(codes, digest_size=4).digest()

    def let_in(self, fact: Fact) -> tuple[Flow, ...]:
        """The journeys whose entering events have this name."""
        return self._by_name.get(fact.name, ())

    def let_in_by(self, change: Change) -> tuple[Flow, ...]:
        """The journeys that this change lets in."""
        flows = self._by_segment.get(change.segment_id, ())
        return tuple(flow for flow in flows if flow.is_entry == change.is_member)

    def is_about(self, fact: Fact | None, changes: Sequence[Change]) -> bool:
        """May this let anybody in?"""
        has_event = fact is not None and fact.name in self._by_name
        return has_event or any(change.segment_id in self._by_segment for change in changes)


def is_hidden(segment_id: str) -> bool:
    """Is it a rule that is followed for journeys alone?"""
    return segment_id.startswith(HIDDEN)


def _refuse_twice(journeys: Sequence[Journey]) -> None:
    ids = [journey.id for journey in journeys]
    if twice := next((each for each in ids if ids.count(each) > 1), None):
        raise Misconfigured(f"two journeys have the id {twice!r}; give one of them another")
    if len({journey.tenant for journey in journeys}) > 1:
        raise Misconfigured("the journeys are of several tenants; each has its own")


def _grouped(pairs: Iterable[tuple[str, Flow]]) -> dict[str, tuple[Flow, ...]]:
    found: dict[str, tuple[Flow, ...]] = {}
    for name, flow in pairs:
        found[name] = (*found.get(name, ()), flow)
    return found


def _rules(journeys: Iterable[Journey]) -> tuple[Segment, ...]:
    """The rules that are no segments, each once."""
    found = {asked_by(rule): rule for journey in journeys for _, rule in rules_of(journey)}
    return tuple(
        Segment.model_construct(id=id_, tenant="", description="", rule=found[id_])
        for id_ in sorted(found)
        if is_hidden(id_)
    )


def _capped(flows: Iterable[Flow]) -> dict[bytes, int]:
    found: dict[bytes, int] = {}
    for flow in flows:
        for cap in (op for op in flow.ops if isinstance(op, ops.Cap)):
            found |= {mark: max(found.get(mark, 0), cap.length) for mark in cap.over}
    return found


def mark_of(journey_id: str) -> bytes:
    """What stands for a journey of any version."""
    return short(journey_id.encode(), CODE)


def _compiled(journey: Journey) -> Flow:
    version, enter = journey_version(journey), journey.enter
    return Flow(
        journey.id,
        version,
        short(f"{journey.id} {version}".encode(), CODE),
        mark_of(journey.id),
        enter.policy,
        trigger(enter.event) if enter.event else None,
        enter.segment or "",
        _is_entry(enter),
        tuple(map(sign, journey.exit_when)),
        _Row(journey).laid(),
    )


def _is_entry(enter: Enter) -> bool:
    return enter.on == "enter"


class _Row:
    """Lays the steps of a journey in one row."""

    def __init__(self, journey: Journey) -> None:
        self._journey = journey
        self._ops: list[ops.Op] = []

    def laid(self) -> tuple[ops.Op, ...]:
        self._steps(self._journey.steps, "steps")
        self._ops.append(ops.Leave("", "done"))
        return tuple(self._ops)

    def _steps(self, steps: Sequence[Step], place: str) -> None:
        for number, step in enumerate(steps):
            self._step(step, f"{place}[{number}]")

    def _step(self, step: Step, place: str) -> None:
        here = len(self._ops)
        if isinstance(step, WaitStep):
            self._ops.append(ops.Wait(place, step.wait, here + 1))
        elif isinstance(step, WaitUntilStep):
            until, inside = step.wait_until, f"{place}.wait_until"
            self._fork(inside, until.then, until.else_)
            self._ops[here] = ops.Until(place, until.for_at_most, sign(until), here + 1, self._otherwise)
        elif isinstance(step, BranchStep):
            self._fork(f"{place}.branch", step.branch.then, step.branch.else_)
            self._ops[here] = ops.Branch(place, asked_by(step.branch.if_), self._otherwise)
        elif isinstance(step, SplitStep):
            self._split(step, place)
        else:
            self._ops.append(self._plain(step, place))

    def _plain(self, step: Step, place: str) -> ops.Op:
        """A step that leads to the next one, or out."""
        if isinstance(step, CallStep):
            data = json.dumps(step.call.data, sort_keys=True, separators=(",", ":")) if step.call.data else ""
            return ops.Call(place, step.call.webhook, data)
        if isinstance(step, CapStep):
            over = frozenset(map(mark_of, step.cap.over or (self._journey.id,)))
            return ops.Cap(place, step.cap.at_most, step.cap.per, over)
        return ops.Leave(place, EXIT)

    def _fork(self, place: str, then: Sequence[Step], otherwise: Sequence[Step]) -> None:
        """Room for what forks, then its two ways; `_otherwise` is where the second begins."""
        self._ops.append(ops.Goto(0))
        self._steps(then, f"{place}.then")
        end = len(self._ops)
        self._ops.append(ops.Goto(0))
        begin = len(self._ops)
        self._steps(otherwise, f"{place}.else")
        self._ops[end] = ops.Goto(len(self._ops))
        self._otherwise = begin

    def _split(self, step: SplitStep, place: str) -> None:
        here, parts = len(self._ops), step.split.parts
        self._ops.append(ops.Goto(0))
        ways, ends = [], []
        for number, part in enumerate(parts):
            ways.append(len(self._ops))
            self._steps(part.steps, f"{place}.split.parts[{number}].steps")
            ends.append(len(self._ops))
            self._ops.append(ops.Goto(0))
        for end in ends:
            self._ops[end] = ops.Goto(len(self._ops))
        bounds = tuple(share * 2**52 for share in accumulate(part.share for part in parts[:-1]))
        self._ops[here] = ops.Split(place, step.split.salt, bounds, tuple(ways))
