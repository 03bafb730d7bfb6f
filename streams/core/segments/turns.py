"""A recipient's turn: its row and what is news about it in, its new row, transitions and steps of journeys out.

Pure: a row is a function of the recipient's facts in the order of the log and of the clock at each. `detected_at` and
the number of a transition are so, too, whenever its turn comes: what time alone changes is known at that instant
already, whether a timer finds it or the next fact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.journeys.steps import JourneyStep
from schemas.transitions import RULE, SegmentTransition, transition_id
from streams.core.journeys.along import along, members_of
from streams.core.journeys.flows import Flows, is_hidden
from streams.core.journeys.ops import Step
from streams.core.journeys.recorded import recorded
from streams.core.journeys.ride import Ride
from streams.core.segments import row
from streams.core.segments.arrivals import Arrival
from streams.core.segments.fact import Fact
from streams.core.segments.packed import unpack
from streams.core.segments.pieces import CODE
from streams.core.segments.program import Program
from streams.core.segments.recipient import Change

_CODE = 4  # bytes: of the journeys that were asked last, before what they keep
_OTHER_RULES = 0
"""What `Recipient.next_at` is when other rules were asked last."""

Retired = Mapping[bytes, tuple[str, str]]
"""Segments that there are or ever were, by the code of a membership: id and rule version."""


class Asked(NamedTuple):
    """What a recipient is asked: a tenant's segments, and the journeys beside them."""

    program: Program
    flows: Flows


@dataclass(frozen=True, slots=True)
class Rules:
    """One tenant's rules, since when (the log's clock, ms) they are so, those before, and all that ever were."""

    asked: Asked
    since: int = 0
    before: Asked | None = None
    retired: Retired = field(default_factory=dict)


class Who(NamedTuple):
    """A recipient."""

    tenant: str
    recipient_key: str


@dataclass(slots=True)
class Turn:
    """`row`: None when there is none still. `poison`: by position in the batch, what the rules raised on a fact."""

    row: bytes | None
    transitions: list[SegmentTransition] = field(default_factory=list)
    steps: list[JourneyStep] = field(default_factory=list)
    poison: dict[int, Exception] = field(default_factory=dict)


def who_of(key: bytes) -> Who:
    """Whose row has this key."""
    tenant, _, recipient_key = key.decode().rpartition(":")
    return Who(tenant, recipient_key)


def take(rules: Rules, old: bytes | None, arrivals: Sequence[Arrival], offset: int) -> Turn:
    """The turn of one recipient with these facts, in the order of the log. `offset`: the input that they go up to.

    A fact that the rules raise on is left out, with the turn of the others as if it were not there.
    """
    try:
        return _take(rules, old, arrivals, offset)
    except Exception:  # noqa: BLE001 - whatever a rule raises is about one of the facts
        turn = Turn(old)
    for arrival in arrivals:
        try:
            alone = _take(rules, turn.row, [arrival], offset)
        except Exception as error:  # noqa: BLE001 - as above
            turn.poison[arrival.place] = error
        else:
            turn.row = alone.row
            turn.transitions += alone.transitions
            turn.steps += alone.steps
    return turn


def _take(rules: Rules, old: bytes | None, arrivals: Sequence[Arrival], offset: int) -> Turn:
    first = arrivals[0]
    there = _There(Who(first.tenant, first.recipient_key), old, rules, first.fact.known_at)
    for arrival in arrivals:
        there.take(arrival.fact)
    return there.turn(offset)


def look(rules: Rules, who: Who, old: bytes, now: int, offset: int) -> Turn:
    """The turn of a recipient to whom nothing has happened: a timer is due, or the rules are others.

    Raises whatever a rule raises.
    """
    there = _There(who, old, rules, now)
    there.advance(now)
    return there.turn(offset)


class _There:
    """A recipient on the way through a turn, and what is said of them."""

    def __init__(self, who: Who, old: bytes | None, rules: Rules, now: int) -> None:
        self._who, self._old = who, old
        self._transitions: list[SegmentTransition] = []
        self._steps: list[Step] = []
        packed, stored, self._number = (None, b"", 0) if old is None else row.parts_of(old)
        is_other = stored[:_CODE] != rules.asked.flows.code if stored else False
        self._open(rules.asked, packed, stored[_CODE:])
        if packed is not None and (is_other or self._recipient.next_at == _OTHER_RULES):
            self._change(rules, packed, stored, min(rules.since, now))

    def _open(self, asked: Asked, packed: bytes | None, journeys: bytes) -> None:
        self._asked, key = asked, self._who.recipient_key
        self._recipient = asked.program.open(key, packed)
        self._ride = Ride(asked.flows, key, journeys) if journeys or asked.flows.by_code else None

    def _change(self, rules: Rules, packed: bytes, stored: bytes, at: int) -> None:
        """Go up to that instant with the rules before, and from there with those that are: what is other is said."""
        before = rules.before
        if before is not None and unpack(packed)[1].program == before.program.code:
            self._open(before, packed, stored[_CODE:])
            self.advance(at)
            packed, stored = self._recipient.pack(), self._journeys()
        self._open(rules.asked, packed, stored[_CODE:])
        changes: list[Change] = []
        if self._recipient.next_at == _OTHER_RULES:
            codes = unpack(packed)[1].members
            ended = {codes[place : place + CODE] for place in range(0, len(codes), CODE)} - rules.asked.program.codes
            known = sorted(rules.retired[code] for code in ended if code in rules.retired)
            changes += [Change(*each, is_member=False, effective_at=at, cause=RULE) for each in known]
            due = row.timer_of(packed)
            first_look = at if due is None else min(due, at)  # what time alone has changed since has its own instant
            changes += [change._replace(cause=RULE) for change in self._recipient.advance(first_look)]
        self._hear(changes, None, at)

    def take(self, fact: Fact) -> None:
        """A fact, and what time does up to it."""
        now = fact.known_at
        changes = self._recipient.apply(fact, now)
        if changes or self._ride is not None:
            self._hear(changes, fact, now)

    def advance(self, now: int) -> None:
        """What time does up to then."""
        self._hear(self._recipient.advance(now), None, now)

    def _hear(self, changes: Sequence[Change], fact: Fact | None, now: int) -> None:
        for change in changes:
            if not is_hidden(change.segment_id):
                self._transitions.append(self._transition(change, now))
        if self._ride is not None:
            self._steps += along(self._ride, changes, fact, now, self._members)

    def _members(self) -> list[str]:
        return members_of(self._recipient, *self._asked)

    def _transition(self, change: Change, now: int) -> SegmentTransition:
        segment_id, version, is_member, effective_at, cause = change
        tenant, recipient_key = self._who
        self._number += 1
        id_ = transition_id(tenant, recipient_key, segment_id, version, effective_at, int(is_member), cause)
        return SegmentTransition(
            transition_id=id_, tenant=tenant, recipient_key=recipient_key, segment_id=segment_id, rule_version=version,
            is_member=int(is_member), detected_at=now if cause else effective_at, effective_at=effective_at,
            cause=cause, number=self._number,
        )  # fmt: skip

    def _journeys(self) -> bytes:
        packed = b"" if self._ride is None else self._ride.pack()
        return self._asked.flows.code + packed if packed else b""

    def turn(self, offset: int) -> Turn:
        """What came of it."""
        moves_at = None if self._ride is None else self._ride.next_at
        new = row.join(self._recipient.pack(), self._number, offset, self._journeys(), moves_at)
        steps = recorded(*self._who, self._steps)
        if self._old is not None and not self._transitions and not steps and row.is_same(new, self._old):
            return Turn(self._old)
        return Turn(new, self._transitions, steps)
