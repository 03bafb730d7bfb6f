"""A recipient's turn: its row and what is news about it in, its new row and the transitions out.

Pure: a row is a function of the recipient's facts in the order of the log and of the clock at each. `detected_at` and
the number of a transition are so, too, whenever its turn comes: what time alone changes is known at that instant
already, whether a timer finds it or the next fact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.transitions import RULE, SegmentTransition, transition_id
from streams.core.segments import row
from streams.core.segments.arrivals import Arrival
from streams.core.segments.packed import unpack
from streams.core.segments.pieces import CODE
from streams.core.segments.program import Program
from streams.core.segments.recipient import Change, Recipient

_OTHER_RULES = 0
"""What `Recipient.next_at` is when other rules were asked last."""

Retired = Mapping[bytes, tuple[str, str]]
"""Segments that there are or ever were, by the code of a membership: id and rule version."""


@dataclass(frozen=True, slots=True)
class Rules:
    """One tenant's rules, since when (the log's clock, ms) they are so, those before, and all that ever were."""

    program: Program
    since: int = 0
    before: Program | None = None
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
    return turn


def _take(rules: Rules, old: bytes | None, arrivals: Sequence[Arrival], offset: int) -> Turn:
    who, now = Who(arrivals[0].tenant, arrivals[0].recipient_key), arrivals[0].fact.known_at
    said = _Said(who, old)
    recipient = _open(rules, said, old, now)
    for arrival in arrivals:
        now = arrival.fact.known_at
        if changes := recipient.apply(arrival.fact, now):
            said.add(changes, now)
    return said.turn(recipient, offset)


def look(rules: Rules, who: Who, old: bytes, now: int, offset: int) -> Turn:
    """The turn of a recipient to whom nothing has happened: a timer is due, or the rules are others.

    Raises whatever a rule raises.
    """
    said = _Said(who, old)
    recipient = _open(rules, said, old, now)
    said.add(recipient.advance(now), now)
    return said.turn(recipient, offset)


def _open(rules: Rules, said: _Said, old: bytes | None, now: int) -> Recipient:
    """The recipient; what other rules than the row's have changed is said."""
    if old is None:
        return rules.program.open(said.who.recipient_key, None)
    key, packed = said.who.recipient_key, row.packed_of(old)
    recipient = rules.program.open(key, packed)
    if recipient.next_at == _OTHER_RULES:
        at = min(rules.since, now)
        if rules.before is not None and unpack(packed)[1].program == rules.before.code:
            as_it_was = rules.before.open(key, packed)
            said.add(as_it_was.advance(at), at)
            packed = as_it_was.pack()
            recipient = rules.program.open(key, packed)
        codes = unpack(packed)[1].members
        ended = {codes[place : place + CODE] for place in range(0, len(codes), CODE)} - rules.program.codes
        known = sorted(rules.retired[code] for code in ended if code in rules.retired)
        said.add([Change(*each, is_member=False, effective_at=at, cause=RULE) for each in known], at)
        due = row.timer_of(packed)
        first_look = at if due is None else min(due, at)  # what time alone has changed since has its own instant
        said.add([change._replace(cause=RULE) for change in recipient.advance(first_look)], at)
    return recipient


class _Said:
    """The transitions of one turn."""

    def __init__(self, who: Who, old: bytes | None) -> None:
        self.who, self._old, self._number = who, old, 0 if old is None else row.number_of(old)
        self._transitions: list[SegmentTransition] = []

    def add(self, changes: Sequence[Change], now: int) -> None:
        tenant, recipient_key = self.who
        for segment_id, version, is_member, effective_at, cause in changes:
            self._number += 1
            self._transitions.append(
                SegmentTransition(
                    transition_id=transition_id(
                        tenant, recipient_key, segment_id, version, effective_at, int(is_member), cause
                    ),
                    tenant=tenant,
                    recipient_key=recipient_key,
                    segment_id=segment_id,
                    rule_version=version,
                    is_member=int(is_member),
                    detected_at=now if cause else effective_at,
                    effective_at=effective_at,
                    cause=cause,
                    number=self._number,
                )
            )

    def turn(self, recipient: Recipient, offset: int) -> Turn:
        packed = recipient.pack()
        if self._old is not None and not self._transitions and packed == row.packed_of(self._old):
            return Turn(self._old)
        return Turn(row.join(packed, self._number, offset), self._transitions)
