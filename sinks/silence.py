"""Partitions that give nothing though the log has more: a consumer can fall silent about one of them for good.

Seen when a broker dies in the middle of a rebalance, and on overloaded machines. Others of the same consumer
go on meanwhile, so each partition is looked at by itself. Pure; the caller asks the log.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from sinks.batches import Partition

PATIENCE_S = 15.0


class _Stand(NamedTuple):
    """Where a partition stands since when, and whether the log had more when it was last asked."""

    end: int
    since_s: float
    is_suspect: bool


class Silence:
    """Watches how far partitions are read. Times: seconds of one monotonic clock."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._stands: dict[Partition, _Stand] = {}

    def broken(
        self, ends: Mapping[Partition, int], drained_at: float, has_more: Callable[[Partition], bool]
    ) -> Partition | None:
        """A partition that is read no more, None while there is none.

        `ends`: how far each is read; `drained_at`: when last nothing that had been fetched was left to read.
        `has_more` is asked about what has stood still for the patience, between two such moments; who has
        more twice in a row is broken. Once may be a record that has only just come.
        """
        self._stands = {place: stand for place, stand in self._stands.items() if place in ends}
        for place, end in ends.items():
            stand = self._stands.get(place)
            if stand is None or stand.end != end:
                self._stands[place] = _Stand(end, drained_at, is_suspect=False)
            elif drained_at - stand.since_s >= self._patience_s:
                is_silent = has_more(place)
                if is_silent and stand.is_suspect:
                    return place
                self._stands[place] = _Stand(end, drained_at, is_silent)
        return None

    def forget(self) -> None:
        """Begin anew, after a time in which nothing was read on purpose."""
        self._stands.clear()
