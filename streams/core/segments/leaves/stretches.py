"""`regularly` from look to look: the records are kept by how far into a stretch they are: who crosses an end next?"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from itertools import pairwise

from streams.core.segments.leaf import FOREVER, Memo
from streams.core.segments.moving import Moving
from streams.core.segments.pieces import Bodies
from streams.core.segments.records import STAMP, time_at, upto


class Stretches:
    """So many stretches of `length` ms back from now, each with `least` to `most` records; most None: any number."""

    def __init__(self, index: int, length: int, periods: int, least: int, most: int | None) -> None:
        self._index, self._length, self._periods, self._least, self._most = index, length, periods, least, most
        self._places: list[int] = []
        self._records = Moving(STAMP, self._came, self._went)

    def look(self, bodies: Bodies, now: int, _memo: Memo) -> int:
        """As the one that goes through all records."""
        body, length = bodies[self._index], self._length
        ends = [upto(body, STAMP, now - length * period) for period in range(self._periods + 1)]
        counts = [late - early for late, early in pairwise(ends)]
        is_so = min(counts) >= self._least and (self._most is None or max(counts) <= self._most)
        self._records.move(body[ends[-1] * STAMP : ends[0] * STAMP])
        until = self._next(now)
        if ends[0] * STAMP < len(body):
            until = min(until, time_at(body, ends[0] * STAMP))
        return until if is_so else -until

    def _next(self, now: int) -> int:
        """When the next of them crosses an end."""
        if not self._places:
            return FOREVER
        here = now % self._length
        place = bisect_right(self._places, here)
        if place < len(self._places):
            return now + self._places[place] - here
        return now + self._places[0] + self._length - here

    def _came(self, record: bytes) -> None:
        insort(self._places, time_at(record, 0) % self._length)

    def _went(self, record: bytes) -> None:
        del self._places[bisect_left(self._places, time_at(record, 0) % self._length)]
