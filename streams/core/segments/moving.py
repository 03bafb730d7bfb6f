"""What came into a window and what went since the last look: for recipients whom somebody goes through fact by fact.

A leaf that sums over thousands of records does it anew at each look, which no service minds: people have few. Whoever
asks why one recipient is in a segment has all their looks to make at once, and each differs from the one before by a
record or two. What is remembered is a matter of speed alone: the answer never depends on what was looked at before.
"""

from __future__ import annotations

from collections.abc import Callable

from streams.core.segments.leaf import Look, Memo
from streams.core.segments.pieces import Bodies
from streams.core.segments.records import each, find

Told = Callable[[bytes], None]
"""Is told of a record."""


class Moving:
    """The records of a window, `size` bytes each, sorted, none twice. `came` and `went` are told of each change."""

    def __init__(self, size: int, came: Told, went: Told) -> None:
        self._size, self._came, self._went = size, came, went
        self._seen = b""

    def move(self, now: bytes) -> None:
        """These are the records now."""
        old, self._seen = self._seen, now
        if now == old:
            return
        old, now = self._fronts(old, now)
        size = self._size
        if now.startswith(old):  # as it mostly is: some came at the end
            self._each(self._came, now[len(old) :])
            return
        same = _same(old, now, size)
        old, now = old[same:], now[same:]
        same = _same_end(old, now, size)
        before, after = set(each(old[: len(old) - same], size)), set(each(now[: len(now) - same], size))
        for record in before - after:
            self._went(record)
        for record in after - before:
            self._came(record)

    def forget(self) -> None:
        """No record was there."""
        self._seen = b""

    def _fronts(self, old: bytes, now: bytes) -> tuple[bytes, bytes]:
        """Both without the records before the first that both have."""
        if not old or not now:
            return old, now
        if (place := find(old, self._size, now[: self._size], 0)) > 0:
            self._each(self._went, old[:place])
            return old[place:], now
        if (place := find(now, self._size, old[: self._size], 0)) > 0:
            self._each(self._came, now[:place])
            return old, now[place:]
        return old, now

    def _each(self, told: Told, records: bytes) -> None:
        for record in each(records, self._size):
            told(record)


def _same(one: bytes, other: bytes, size: int) -> int:
    """How many bytes, in whole records, both begin with."""
    low, high = 0, min(len(one), len(other)) // size
    while low < high:
        middle = (low + high + 1) // 2
        if one[low * size : middle * size] == other[low * size : middle * size]:
            low = middle
        else:
            high = middle - 1
    return low * size


def _same_end(one: bytes, other: bytes, size: int) -> int:
    """How many bytes, in whole records, both end with."""
    low, high = 0, min(len(one), len(other)) // size
    while low < high:
        middle = (low + high + 1) // 2
        if one[len(one) - middle * size :] == other[len(other) - middle * size :]:
            low = middle
        else:
            high = middle - 1
    return low * size


def remembering(look: Look, places: frozenset[int]) -> Look:
    """The same, asked once as long as what is kept in these places is the same and no time is over."""
    place, *others = sorted(places)
    seen, seen_others = b"", [b"" for _ in others]
    since, verdict = 0, 0

    def remembered(bodies: Bodies, now: int, memo: Memo) -> int:
        nonlocal seen, seen_others, since, verdict
        is_same = bodies[place] is seen and since <= now < abs(verdict)
        if not is_same or (others and any(bodies[at] is not b for at, b in zip(others, seen_others, strict=True))):
            seen, seen_others, since = bodies[place], [bodies[at] for at in others], now
            verdict = look(bodies, now, memo)
        return verdict

    return remembered
