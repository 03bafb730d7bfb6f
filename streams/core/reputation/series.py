"""One key's minutes: absolute counts that are replaced by offset and added up over partitions.

A cell is what one partition says about one source and minute. A newer `applied_offset` replaces the
cell's counts, an older or equal one changes nothing, so cells may come in any order and any number of
times. Counts are rows of growing numpy tables; a cell costs about 0.25 kB.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import fields
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from schemas.aggregates import Counts, ReputationPartial

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
KEPT_MS = 72 * HOUR_MS  # the lateness that the pipeline accepts; the topic keeps no older minute either
FIELDS: tuple[str, ...] = tuple(item.name for item in fields(Counts))
COLUMN = {name: place for place, name in enumerate(FIELDS)}
_FIRST_ROWS = 4
_counts_of = attrgetter(*FIELDS)

Ints = NDArray[np.int64]


def horizon(as_of: int) -> int:
    """The first minute (number since the epoch) that still counts at `as_of` (ms)."""
    return (as_of - KEPT_MS) // MINUTE_MS


class Table:
    """Rows of counts under integer keys, in order of arrival, in one array that doubles when full."""

    __slots__ = ("counts", "index", "is_sorted", "last")

    def __init__(self) -> None:
        self.index: dict[int, int] = {}
        self.counts: NDArray[np.int32] = np.zeros((_FIRST_ROWS, len(FIELDS)), np.int32)
        self.is_sorted = True
        self.last = -1

    def row(self, key: int) -> int:
        """The place of `key`'s row, a new row of zeros if it has none."""
        place = self.index.get(key)
        if place is not None:
            return place
        place = len(self.index)
        if place == len(self.counts):
            self.counts = np.concatenate((self.counts, np.zeros_like(self.counts)))
        self.is_sorted = self.is_sorted and key > self.last
        self.last = key
        self.index[key] = place
        return place

    def sorted(self) -> tuple[Ints, Ints]:
        """Keys in rising order and their counts, shapes (n,) and (n, fields)."""
        keys = np.fromiter(self.index, np.int64, len(self.index))
        counts = self.counts[: len(keys)].astype(np.int64, order="F")  # read by column
        if self.is_sorted:
            return keys, counts
        order = np.argsort(keys)
        return keys[order], counts[order]

    def keep(self, keys: Iterable[int]) -> list[int]:
        """Drop every row whose key is not among `keys`; the old places of those that stay."""
        kept = list(keys)
        rows = [self.index[key] for key in kept]
        size = max(_FIRST_ROWS, 1 << (len(rows) - 1).bit_length() if rows else 0)
        counts = np.zeros((size, len(FIELDS)), np.int32)
        counts[: len(rows)] = self.counts[rows]
        self.counts, self.index = counts, {key: place for place, key in enumerate(kept)}
        return rows


class Series:
    """Everything known about one key; `as_of` (ms) is the highest watermark among its partials."""

    __slots__ = (
        "as_of", "cells", "minutes", "newest_received_at", "offsets", "oldest", "oldest_new_received_at",
        "places", "sources",
    )  # fmt: skip

    def __init__(self) -> None:
        self.as_of = 0
        self.cells = Table()  # (minute, partition, source) -> the partition's own absolute counts
        self.offsets = array("q")  # applied offset of each cell, by its place
        self.minutes = Table()  # minute -> sum over its cells
        self.oldest = 1 << 62
        self.places: dict[str, int] = {}  # source -> its number in the cells' keys
        self.sources: dict[str, int] = {}  # source -> its newest minute
        self.newest_received_at = 0
        self.oldest_new_received_at = 0

    def apply(self, partial: ReputationPartial) -> bool:
        """Take the partial in; False if it is known already or its minute is over the horizon."""
        minute = partial.minute // MINUTE_MS
        self._advance(partial)
        if minute < horizon(self.as_of):
            return False
        self.sources[partial.source] = max(self.sources.get(partial.source, 0), minute)
        source = self.places.setdefault(partial.source, len(self.places))
        cell = (minute << 32) | (partial.partition << 16) | source
        place = self.cells.row(cell)
        if place == len(self.offsets):
            self.offsets.append(-1)
        if partial.applied_offset <= self.offsets[place]:
            return False
        self.offsets[place] = partial.applied_offset
        total = self.minutes.row(minute)
        values = np.array(_counts_of(partial), np.int32)
        self.minutes.counts[total] += values - self.cells.counts[place]
        self.cells.counts[place] = values
        self.oldest = min(self.oldest, minute)
        return True

    def _advance(self, partial: ReputationPartial) -> None:
        """Only maxima, so neither order nor repetition matters."""
        self.as_of = max(self.as_of, partial.watermark, partial.minute)
        self.newest_received_at = max(self.newest_received_at, partial.newest_received_at)

    def forget(self, before: int) -> None:
        """Free minutes before `before`, which must not be beyond the horizon."""
        if self.oldest >= before:
            return
        places = self.cells.keep([cell for cell in self.cells.index if cell >> 32 >= before])
        self.offsets = array("q", [self.offsets[place] for place in places])
        self.minutes.keep([minute for minute in self.minutes.index if minute >= before])
        self.oldest = min(self.minutes.index, default=1 << 62)
