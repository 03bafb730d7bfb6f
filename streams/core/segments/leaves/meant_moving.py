"""An `aggregate`, or a count with `unless`, from look to look: what came is added, and what went is taken off."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Protocol

from streams.core.segments.leaf import Look, Memo
from streams.core.segments.leaves.meant import OTHER, Meant
from streams.core.segments.leaves.selecting import NO_KEY
from streams.core.segments.moving import Moving
from streams.core.segments.pieces import Bodies
from streams.core.segments.records import STAMP, TIME, time_at, upto
from streams.core.segments.values import KEY


class Tally(Protocol):
    """What is known of the records that count."""

    def came(self, record: bytes) -> None:
        """One more counts."""

    def went(self, record: bytes) -> None:
        """One that counted does no more."""

    def holds(self) -> bool:
        """Whether the leaf does."""


def moving(meant: Meant, tally: Tally) -> Look:
    """The look of a leaf that asks the tally of the events that it means."""
    left = _Left(meant, tally)

    def look(bodies: Bodies, now: int, _memo: Memo) -> int:
        until = left.now(bodies, now)
        return until if tally.holds() else -until

    return look


class _Left:
    """The events of a window that no other event takes back."""

    def __init__(self, meant: Meant, tally: Tally) -> None:
        self._meant, self._tally = meant, tally
        self._by_key: defaultdict[bytes, set[bytes]] = defaultdict(set)
        self._takers: defaultdict[bytes, set[bytes]] = defaultdict(set)
        self._counted: defaultdict[bytes, set[bytes]] = defaultdict(set)
        self._touched: set[bytes] = set()
        is_plain = meant.others is None
        came, went = (tally.came, tally.went) if is_plain else (self._record_came, self._record_went)
        self._records = Moving(meant.size, came, went)
        self._others = Moving(OTHER, self._other_came, self._other_went)

    def now(self, bodies: Bodies, now: int) -> int:
        """Until when these are the same; the tally has been told of them."""
        meant, size, span = self._meant, self._meant.size, self._meant.span
        body = bodies[meant.place]
        low, high = span.places(body, size, now)
        until = span.enters(body, size, high)
        if low < high:
            until = min(until, span.leaves(body, size, low))
        self._records.move(body[low * size : high * size])
        if meant.others is None:
            return until
        others = bodies[meant.others]
        known = upto(others, OTHER, now) * OTHER
        self._others.move(others[:known])
        for key in self._touched:
            self._settle(key)
        self._touched.clear()
        return min(until, time_at(others, known)) if known < len(others) else until

    def _record_came(self, record: bytes) -> None:
        self._by_key[record[-KEY:]].add(record)
        self._touched.add(record[-KEY:])

    def _record_went(self, record: bytes) -> None:
        self._by_key[record[-KEY:]].discard(record)
        self._touched.add(record[-KEY:])

    def _other_came(self, other: bytes) -> None:
        self._takers[other[STAMP:]].add(other[TIME:STAMP])
        self._touched.add(other[STAMP:])

    def _other_went(self, other: bytes) -> None:
        self._takers[other[STAMP:]].discard(other[TIME:STAMP])
        self._touched.add(other[STAMP:])

    def _settle(self, key: bytes) -> None:
        takers, counted = self._takers[key], self._counted[key]
        left = {record for record in self._by_key[key] if not takers - {record[TIME:STAMP]}}
        for record in counted - left:
            self._tally.went(record)
        for record in left - counted:
            self._tally.came(record)
        self._counted[key] = left


class HowMany:
    """How many there are."""

    def __init__(self, least: int, most: int | None) -> None:
        self._least, self._most, self._count = least, most, 0

    def came(self, record: bytes) -> None:  # noqa: ARG002 - each counts one
        """See `Tally`."""
        self._count += 1

    def went(self, record: bytes) -> None:  # noqa: ARG002 - as above
        """See `Tally`."""
        self._count -= 1

    def holds(self) -> bool:
        """See `Tally`."""
        return self._least <= self._count and (self._most is None or self._count <= self._most)


class Distinct:
    """How many different keys there are."""

    def __init__(self, is_so: Callable[[int], bool]) -> None:
        self._is_so, self._keys = is_so, Counter[bytes]()

    def came(self, record: bytes) -> None:
        """See `Tally`."""
        self._keys[record[STAMP : STAMP + KEY]] += 1

    def went(self, record: bytes) -> None:
        """See `Tally`."""
        key = record[STAMP : STAMP + KEY]
        self._keys[key] -= 1
        if not self._keys[key]:
            del self._keys[key]

    def holds(self) -> bool:
        """See `Tally`."""
        return self._is_so(len(self._keys) - (NO_KEY in self._keys))


class Numbers:
    """Sum and order of the numbers that `number_of` finds in the records; None is none."""

    def __init__(self, number_of: Callable[[bytes], int | None], is_so: Callable[[int, Sequence[int]], bool]) -> None:
        self._number_of, self._is_so = number_of, is_so
        self._total, self._order = 0, list[int]()

    def came(self, record: bytes) -> None:
        """See `Tally`."""
        if (number := self._number_of(record)) is not None:
            self._total += number
            insort(self._order, number)

    def went(self, record: bytes) -> None:
        """See `Tally`."""
        if (number := self._number_of(record)) is not None:
            self._total -= number
            del self._order[bisect_left(self._order, number)]

    def holds(self) -> bool:
        """See `Tally`."""
        return self._is_so(self._total, self._order)
