"""`sequence` from look to look: each key's cases are kept, and looked at anew only where something came or went."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict

from streams.core.segments.leaf import FOREVER, Memo
from streams.core.segments.moving import Moving
from streams.core.segments.pieces import Bodies
from streams.core.segments.records import STAMP, TIME, time_at, upto

FIRST, SECOND = 1, 2  # bits of a record's last byte: which of the two it is


class Cases:
    """`size`: of a record; of each first: is there a second of its key within `within` ms?

    `expires`: how long a case without one lasts, None for ever; `is_then`: it holds for those with one, for ever.
    """

    def __init__(self, index: int, size: int, within: int, expires: int | None, is_then: bool) -> None:  # noqa: FBT001 - as the rule's parts are listed
        self._index, self._size, self._within, self._is_then = index, size, within, is_then
        self._expires = FOREVER if expires is None else expires
        self._firsts: defaultdict[bytes, list[bytes]] = defaultdict(list)
        self._seconds: defaultdict[bytes, list[bytes]] = defaultdict(list)
        self._of_key: dict[bytes, list[int]] = {}
        self._followed: defaultdict[bytes, int] = defaultdict(int)
        self._over: list[int] = []
        self._pairs = 0
        self._touched: set[bytes] = set()
        self._all = Moving(size, self._first_came, self._first_went)
        self._past = Moving(size, self._second_came, self._second_went)

    def look(self, bodies: Bodies, now: int, _memo: Memo) -> int:
        """As the one that goes through all cases."""
        body, size = bodies[self._index], self._size
        if not body:
            return -FOREVER
        known = upto(body, size, now) * size
        self._all.move(body)
        self._past.move(body[:known])
        for key in self._touched:
            self._settle(key)
        self._touched.clear()
        if not self._is_then:
            return self._alone(now)
        if self._pairs:
            return FOREVER
        return -time_at(body, known) if known < len(body) else -FOREVER

    def _alone(self, now: int) -> int:
        """The last case that is over lasts longest; else the first that will be begins."""
        place = bisect_right(self._over, now)
        if place and self._over[place - 1] + self._expires > now:
            return self._over[place - 1] + self._expires
        return -self._over[place] if place < len(self._over) else -FOREVER

    def _settle(self, key: bytes) -> None:
        for over in self._of_key.pop(key, ()):
            del self._over[bisect_left(self._over, over)]
        self._pairs -= self._followed.pop(key, 0)
        alone: list[int] = []
        for record in self._firsts[key]:
            at = time_at(record, 0)
            if self._is_followed(at, self._seconds[key]):
                self._followed[key] += 1
            else:
                alone.append(at + self._within)
        for over in alone:
            insort(self._over, over)
        self._of_key[key] = alone
        self._pairs += self._followed[key]

    def _is_followed(self, at: int, seconds: list[bytes]) -> bool:
        place = bisect_left(seconds, (at + 1).to_bytes(TIME, "big"))
        return place < len(seconds) and time_at(seconds[place], 0) <= at + self._within

    def _first_came(self, record: bytes) -> None:
        if record[-1] & FIRST:
            insort(self._firsts[self._key(record)], record)

    def _first_went(self, record: bytes) -> None:
        if record[-1] & FIRST:
            firsts = self._firsts[self._key(record)]
            del firsts[bisect_left(firsts, record)]

    def _second_came(self, record: bytes) -> None:
        if record[-1] & SECOND:
            insort(self._seconds[self._key(record)], record)

    def _second_went(self, record: bytes) -> None:
        if record[-1] & SECOND:
            seconds = self._seconds[self._key(record)]
            del seconds[bisect_left(seconds, record)]

    def _key(self, record: bytes) -> bytes:
        key = record[STAMP:-1]
        self._touched.add(key)
        return key
