"""`sequence`: A, and then B in time, or B not.

Leaves with a time to live share a piece if they ask for the same two; it keeps As and Bs as long as they can matter to
one of them. What holds for ever has a piece of its own and keeps them for `LATE_MS` after their time. Then one settled
case stands for all older ones: a pair, or an A without a B.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from schemas.segments import leaves
from schemas.segments.canonical import canonical_json
from schemas.segments.rules import EventNode
from streams.core.segments.conditions import where_test
from streams.core.segments.fact import Fact
from streams.core.segments.leaf import FOREVER, Leaf, Memo
from streams.core.segments.leaves.cases import FIRST, SECOND, Cases
from streams.core.segments.pieces import Bodies, Piece, Pieces
from streams.core.segments.records import MOST_RECORDS, STAMP, TIME, added, each, inserted, time_at, upto
from streams.core.segments.values import KEY, key_of, values_at

LATE_MS = 30 * 86_400_000  # what comes later than this is not matched with what was dropped
_SIZE = STAMP + KEY + 1
_A, _B = FIRST, SECOND


class Case(NamedTuple):
    """An A, and the record of the earliest B that follows in time, None without one."""

    at: int
    record: bytes
    follower: bytes | None


class Asked(NamedTuple):
    """What a leaf asks: lengths in ms; `expires` None is never."""

    within: int
    expires: int | None
    is_then: bool

    @property
    def length(self) -> int:
        """How long a record can matter, but for the settled ones."""
        return self.within + (LATE_MS if self.expires is None else self.expires)

    def cases(self, body: bytes, now: int) -> Iterator[Case]:
        """Each A in order, those of the future too, with the earliest B of up to now that follows it."""
        seconds: dict[bytes, list[bytes]] = {}
        for record in each(body[: upto(body, _SIZE, now) * _SIZE], _SIZE):
            if record[-1] & _B:
                seconds.setdefault(record[STAMP:-1], []).append(record)
        for record in each(body, _SIZE):
            if record[-1] & _A:
                at = time_at(record, 0)
                yield Case(at, record, self._follower(at, seconds.get(record[STAMP:-1], [])))

    def _follower(self, at: int, seconds: list[bytes]) -> bytes | None:
        place = bisect_left(seconds, (at + 1).to_bytes(TIME, "big"))
        is_in_time = place < len(seconds) and time_at(seconds[place], 0) <= at + self.within
        return seconds[place] if is_in_time else None

    def settled(self, body: bytes, now: int) -> tuple[bytes, ...]:
        """What must stay although it is old: the last case that nothing can change any more."""
        if self.expires is not None:
            return ()
        last = next((case for case in reversed(list(self.cases(body, now))) if self._is_settled(case, now)), None)
        if last is None:
            return ()
        return (last.record,) if last.follower is None else (last.record, last.follower)

    def _is_settled(self, case: Case, now: int) -> bool:
        if self.is_then:
            return case.follower is not None
        return case.follower is None and case.at <= now - self.length  # no B comes so late


class SequencePiece(Piece):
    """As and Bs, each with its key and which of the two it is (or both)."""

    def __init__(self, index: int, key: str, first: leaves.Step, second: leaves.Step, same: str | None) -> None:
        super().__init__(index, key, _SIZE)
        self.steps = [(_A, first.name, where_test(first.where)), (_B, second.name, where_test(second.where))]
        self.names = tuple(sorted({*first.name, *second.name}))
        self.values = None if same is None else values_at(same)
        self.asked: list[Asked] = []
        self.length = 0

    def want(self, asked: Asked) -> None:
        """Keep what this needs as well."""
        self.asked.append(asked)
        self.length = max(self.length, asked.length)

    def put(self, bodies: Bodies, fact: Fact, stamp: bytes, now: int) -> int:
        """See `Piece`."""
        kind = 0
        for bit, names, test in self.steps:
            if fact.name in names and (test is None or test(fact.properties)):
                kind |= bit
        key = self._key(fact) if kind else None
        if key is None or time_at(stamp, 0) <= now - self.length:
            return 0
        old, record = bodies[self.index], stamp + key + bytes([kind])
        new = inserted(old, _SIZE, record) if self.is_first else added(old, _SIZE, record)
        if new is None:
            return 0
        bodies[self.index] = self.kept(new, now)
        return self.mask

    def _key(self, fact: Fact) -> bytes | None:
        if self.values is None:
            return bytes(KEY)
        found = self.values(fact.properties)
        return key_of(found[0]) if found else None

    def kept(self, body: bytes, now: int) -> bytes:
        """See `Piece`."""
        if time_at(body, 0) > now - self.length and len(body) <= MOST_RECORDS * _SIZE:
            return body
        start = max(upto(body, _SIZE, now - self.length), len(body) // _SIZE - MOST_RECORDS) * _SIZE
        settled = {record for asked in self.asked for record in asked.settled(body, now)}
        if not settled:
            return body[start:]
        return b"".join(sorted({*settled, *each(body[start:], _SIZE)}))


def sequence(leaf: leaves.Sequence, pieces: Pieces) -> Leaf:
    """`sequence`."""
    second = leaf.then or leaf.without or leaf.first  # the model says that there is one
    asked = Asked(leaf.within, leaf.expire_after if leaf.then is None else None, leaf.then is not None)
    key = f"sequence {_text(leaf.first)} {_text(second)} {leaf.same} {asked if asked.expires is None else ''}"
    piece = pieces.piece(key, lambda index, text: SequencePiece(index, text, leaf.first, second, leaf.same))
    piece.want(asked)
    look, index = _followed if asked.is_then else _alone, piece.index

    def ask(bodies: Bodies, now: int, _memo: Memo) -> int:
        body = bodies[index]
        return look(asked, body, now) if body else -FOREVER

    return Leaf(ask, frozenset({index}), 25, lambda: Cases(index, _SIZE, *asked).look)


def _text(step: leaves.Step) -> str:
    return canonical_json(EventNode(event=leaves.Done(name=step.name, where=step.where)))


def _followed(asked: Asked, body: bytes, now: int) -> int:
    """Once so, for ever so; else nothing can change before the next record's time."""
    if any(case.follower is not None for case in asked.cases(body, now)):
        return FOREVER
    place = upto(body, _SIZE, now) * _SIZE
    return -time_at(body, place) if place < len(body) else -FOREVER


def _alone(asked: Asked, body: bytes, now: int) -> int:
    """It holds as long as one case lasts; what comes in time can only prevent those that are not over yet."""
    lasts, begins = 0, FOREVER
    expires = FOREVER if asked.expires is None else asked.expires
    for case in asked.cases(body, now):
        if case.follower is None:
            over_at = case.at + asked.within
            if over_at > now:
                begins = min(begins, over_at)
            elif over_at + expires > now:
                lasts = max(lasts, over_at + expires)
    return lasts or -begins
