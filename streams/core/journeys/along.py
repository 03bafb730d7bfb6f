"""Segments and journeys of one recipient, side by side: of one instant time changes segments first, then journeys.

A turn asks the segments up to `now` at once; here its changes are gone through one instant after the other, with the
timers of journeys between them, so that each step sees the memberships of its own instant. So it makes no difference
how often anybody looks.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import groupby

from streams.core.journeys.flows import Flows
from streams.core.journeys.ops import Step
from streams.core.journeys.ride import Ride
from streams.core.segments.fact import Fact
from streams.core.segments.program import Program
from streams.core.segments.recipient import Change, Recipient

MembersNow = Callable[[], Collection[str]]
"""Ids of the segments that journeys ask for and in which the recipient is, after all changes."""


def along(ride: Ride, changes: Sequence[Change], fact: Fact | None, now: int, members_now: MembersNow) -> list[Step]:
    """What journeys do up to `now` and then by the fact.

    `changes`: all that segments gave for the same, in their order: those by time and by rules, each at its instant, and
    then those by the fact. `members_now` is asked only if anything may come of it.
    """
    if not ride.is_moved_by(fact, changes):
        return []
    members = set(members_now())
    for change in reversed(changes):
        _turn(members, change, is_member=not change.is_member)
    steps: list[Step] = []
    event_id = None if fact is None else fact.event_id
    by_fact = [change for change in changes if change.cause == event_id]
    others = changes[: len(changes) - len(by_fact)]
    for (at, _), group in groupby(others, key=lambda change: (change.effective_at, change.cause)):
        together = list(group)
        steps += ride.advance(at - 1, members.__contains__)
        for change in together:
            _turn(members, change, is_member=change.is_member)
        steps += ride.take(None, together, at, members.__contains__)
    steps += ride.advance(now, members.__contains__)
    if fact is None:
        return steps
    for change in by_fact:
        _turn(members, change, is_member=change.is_member)
    return steps + ride.take(fact, by_fact, now, members.__contains__)


def _turn(members: set[str], change: Change, *, is_member: bool) -> None:
    if is_member:
        members.add(change.segment_id)
    else:
        members.discard(change.segment_id)


def members_of(recipient: Recipient, program: Program, flows: Flows) -> list[str]:
    """In which of the segments that journeys ask for the recipient is."""
    asked = (each for each in program.segments if each.id in flows.asked)
    return [each.id for each in asked if recipient.since(each) is not None]


class Traveller:
    """A recipient with segments and journeys in memory, for simulations and examples.

    `program` has the tenant's segments and `flows.rules`.
    """

    def __init__(self, program: Program, flows: Flows, key: str) -> None:
        self._program, self._flows = program, flows
        self._recipient, self._ride = program.open(key, None), Ride(flows, key)

    def take(self, fact: Fact) -> list[Step]:
        """What time does up to the fact, and then the fact."""
        changes = self._recipient.apply(fact, fact.known_at)
        return along(self._ride, changes, fact, fact.known_at, self._members)

    def advance(self, now: int) -> list[Step]:
        """What time does up to `now`."""
        return along(self._ride, self._recipient.advance(now), None, now, self._members)

    @property
    def is_under_way(self) -> bool:
        """Is there a run?"""
        return self._ride.next_at is not None

    def _members(self) -> list[str]:
        return members_of(self._recipient, self._program, self._flows)
