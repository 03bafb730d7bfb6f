"""Pieces of what is kept of a recipient: which facts, what of them, and for how long.

A piece is the bytes of its records (`records.py`), found again in a stored state by its code: a hash of what it keeps,
not of how long. So leaves that look at the same facts share one, which keeps what any of them needs, and a rule that is
changed takes nothing away from the others. What a program needs longer than its forerunner is complete once it has been
so long in use, or once the facts were applied again: those that are there already are dropped by their ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

from streams.core.segments.conditions import Test
from streams.core.segments.fact import Fact
from streams.core.segments.records import (
    MOST_RECORDS,
    STAMP,
    added,
    each,
    find,
    inserted,
    short,
    time_at,
    upto,
    without,
)

CODE = 5  # bytes
FIRST_KNOWN, RECIPIENT = 0, 1  # places that every program has: the first facts, the recipient's key
Bodies = list[bytes]
Take = Callable[[Fact], bytes | None]


class Keep(NamedTuple):
    """How long records are needed.

    Those later than `lag` ms ago always are; of the others those within `length` ms (None: for ever), at most the
    `most` latest (None: all); and the `firsts` earliest whenever they were.
    """

    lag: int = 0
    length: int | None = None
    most: int | None = None
    firsts: int = 0

    def with_(self, other: Keep) -> Keep:
        """What keeps enough for both."""
        return Keep(
            max(self.lag, other.lag),
            None if self.length is None or other.length is None else max(self.length, other.length),
            None if self.most is None or other.most is None else max(self.most, other.most),
            max(self.firsts, other.firsts),
        )


def kept(body: bytes, size: int, now: int, keep: Keep) -> bytes:
    """The records that are needed from `now` on."""
    count = len(body) // size
    if keep.most is not None and count <= keep.most + keep.firsts:
        return body  # some may be older than needed, but these are few
    start = max(0, count - MOST_RECORDS)
    if keep.length is not None and time_at(body, min(keep.firsts, count - 1) * size) <= now - keep.length:
        start = max(start, upto(body, size, now - keep.length))
    if keep.most is not None and count > keep.most:
        start = max(start, upto(body, size, now - keep.lag) - keep.most)
    return body if start <= keep.firsts else body[: keep.firsts * size] + body[start * size :]


class Piece:
    """A place among the bodies. `mask`: the segments that look at it, as bits; `size`: bytes of a record.

    As it stands it keeps nothing of facts, and whatever else is put into it for ever.
    """

    names: tuple[str, ...] = ()  # of the facts that it is about
    roots: tuple[str, ...] = ()  # of the traits that it is about
    reach_ms: int | None = None  # how old facts may be that it keeps; None: as old as they like
    is_first = False  # whether the caller knows that no fact with this one's id came before

    def __init__(self, index: int, key: str, size: int) -> None:
        self.index, self.size, self.mask = index, size, 0
        self.code = short(key.encode(), CODE)

    def put(self, bodies: Bodies, fact: Fact, stamp: bytes, now: int) -> int:  # noqa: ARG002 - for those that do
        """Keep what is needed of a fact; the segments for which that changes something."""
        return 0

    def joined(self, body: bytes, other: bytes, now: int) -> bytes:
        """The records of both."""
        for record in each(other, self.size):
            body = added(body, self.size, record) or body
        return self.kept(body, now)

    def erased(self, bodies: Bodies, event_ident: bytes) -> None:
        """Take the record of an event out."""
        bodies[self.index] = without(bodies[self.index], self.size, event_ident)

    def settle(self, bodies: Bodies) -> None:
        """After all pieces of two recipients were joined: what one piece knows of another's records."""

    def kept(self, body: bytes, now: int) -> bytes:  # noqa: ARG002 - for those that let go
        """What is needed from `now` on."""
        return body

    def is_full(self, body: bytes) -> bool:
        """Whether older records may be missing because there were too many."""
        return len(body) >= MOST_RECORDS * self.size


class KeyPiece(Piece):
    """The recipient's key: neither facts nor another recipient change it."""

    def __init__(self, index: int, key: str) -> None:
        super().__init__(index, key, 1)

    def joined(self, body: bytes, other: bytes, now: int) -> bytes:  # noqa: ARG002 - they stay who they are
        """See `Piece`."""
        return body

    def erased(self, bodies: Bodies, event_ident: bytes) -> None:
        """See `Piece`."""


class Selector(Piece):
    """Facts that fit `test`, between two fixed instants, each with the `width` bytes that `take` makes of it.

    `take` gives None for a fact that is not meant.
    """

    def __init__(
        self, index: int, key: str, test: Test | None = None, take: Take | None = None, width: int = 0
    ) -> None:
        super().__init__(index, key, STAMP + width)
        self.test, self.take = test, take
        self.asked = ""  # what `test` asks, as a text: equal tests are made once a fact
        self.keep: Keep | None = None
        self.since: int | None = None
        self.before: int | None = None

    def want(self, keep: Keep) -> None:
        """Keep at least so much."""
        self.keep = keep = keep if self.keep is None else self.keep.with_(keep)
        self.reach_ms = None if keep.length is None or keep.firsts else max(keep.length, keep.lag)

    def put(self, bodies: Bodies, fact: Fact, stamp: bytes, now: int) -> int:
        """See `Piece`. The caller has asked `test`."""
        if (self.since is not None or self.before is not None) and not self._is_between(time_at(stamp, 0)):
            return 0
        if self.take is not None:
            if (value := self.take(fact)) is None:
                return 0
            stamp += value
        old, size = bodies[self.index], self.size
        if not old:
            bodies[self.index] = stamp
            return self.mask
        if not self.is_first and find(old, size, stamp[6:STAMP], 6) >= 0:
            return 0
        new = self.kept(inserted(old, size, stamp), now)
        if new == old:
            return 0
        bodies[self.index] = new
        return self.mask

    def _is_between(self, at: int) -> bool:
        return (self.since is None or at >= self.since) and (self.before is None or at < self.before)

    def kept(self, body: bytes, now: int) -> bytes:
        """See `Piece`."""
        return kept(body, self.size, now, self.keep or Keep())


_P = TypeVar("_P", bound=Piece)


class Pieces:
    """The pieces of a program, each once."""

    def __init__(self) -> None:
        self._by_key: dict[str, Piece] = {}
        self.all: list[Piece] = []

    def piece(self, key: str, make: Callable[[int, str], _P]) -> _P:
        """The piece that keeps what the key says; `make` gets its place and the key."""
        found = self._by_key.get(key)
        if found is None:
            found = self._by_key[key] = make(len(self.all), key)
            self.all.append(found)
        return found  # type: ignore[return-value]  # a key says what kind of piece it is

    def mark(self, indexes: Iterable[int], segment: int) -> None:
        """Say that a segment looks at these pieces."""
        for index in indexes:
            self.all[index].mask |= 1 << segment
