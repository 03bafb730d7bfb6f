"""The reputation state of one partition: distinct events counted per row, with the ids seen.

Pure and deterministic: the state after offset o is a function of the log up to o. A row carries the
offset it is true for (`applied_offset`), so records read again are skipped per row. Duplicates (by
event id, over 72 hours of the partition clock) and events later than 72 hours are not counted. Rows
and ids older than that are dropped, with tombstones, once a marker with that clock is durable: a
replay can then never start below what was dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from schemas.aggregates import LaneMarker
from schemas.avro import Codec
from schemas.errors import FailureCode
from schemas.failures import Stage
from schemas.topics import DEAD_LETTERS, EMAIL_EVENTS
from streams.core.changes import Cut, Row, Side, Totals
from streams.core.columns import Columns, ids_of, read_columns
from streams.core.count_table import CountTable
from streams.core.counting import COLUMNS, MINUTE_MS, Events, Increments, count
from streams.core.dedupe import HOUR_MS, KEEP_HOURS
from streams.core.normalise import Origin, unreadable
from streams.core.seen import PREFIX, SeenIds
from streams.core.slots import SlotWriter, slots_of

KEEP_MS = KEEP_HOURS * HOUR_MS
Counter = Callable[[Events], Increments]
Apart = Callable[[Any, Callable[[Any], Any]], tuple[list[tuple[list[int], Any]], dict[int, Exception]]]


class PartitionCounts:
    """State of one partition of the email events.

    `apart` isolates the record that a count fails on (the guard's). `count_events` is the core function;
    tests pass one that raises.
    """

    def __init__(self, partition: int, codec: Codec, apart: Apart, count_events: Counter = count) -> None:
        self.partition = partition
        self.clock = 0
        self.watermark = 0
        self.totals = Totals()
        self._codec, self._apart, self._count = codec, apart, count_events
        self._rows = CountTable(partition, codec)
        self._seen = SeenIds(codec)
        self._slots = SlotWriter(partition, codec)
        self._sides: list[Side] = []
        self._fences: list[int] = []  # offsets beyond the marker that restored rows hold everything up to, rising
        self._last_fence = -1
        self._written_clock = 0  # of the last cut: durable by the time of the next one
        self._expired_clock = 0

    # -- restore -------------------------------------------------------------------------------------------------

    def restore(self, keys: Sequence[bytes], values: Sequence[bytes | None]) -> None:
        """Changelog records in the order of the log. Raises Permanent for what is none of ours."""
        ids = [at for at, key in enumerate(keys) if key.startswith(PREFIX)]
        if ids:
            for at in ids:
                self._seen.restore(keys[at], values[at])
            others = set(range(len(keys))).difference(ids)
            keys, values = [keys[at] for at in sorted(others)], [values[at] for at in sorted(others)]
        self._rows.restore(keys, values)

    def start(self, marker: LaneMarker | None) -> int:
        """Where to go on from: the marker's offset, the beginning without one."""
        next_offset = marker.next_offset if marker else 0
        self._fences = self._rows.offsets_from(next_offset)
        self._last_fence = self._fences[-1] if self._fences else -1
        if marker:
            self.clock = self._written_clock = marker.clock
            self.watermark = marker.watermark
        self._seen.start(next_offset)
        self._slots.start(next_offset)
        return next_offset

    # -- fold ----------------------------------------------------------------------------------------------------

    def fold(self, values: Sequence[bytes | None], offsets: Sequence[int]) -> None:
        """Count a batch of topic values at these input offsets (rising). Never raises for a bad record."""
        columns = read_columns(values, COLUMNS, self._codec, self.clock)
        for position, error in sorted(columns.broken.items()):
            self._bury(values[position], offsets[position], error.code, str(error))
        kept = self._distinct(columns)
        begin = 0
        for fence in self._fences_below(offsets[-1]):
            end = int(np.searchsorted(np.asarray(offsets)[kept.rows], fence, side="right"))
            self._add(kept[begin:end], fence, values, offsets)
            begin = end
        self._add(kept[begin:], offsets[-1], values, offsets)
        self.clock = int(columns.clock[-1])

    def _fences_below(self, last: int) -> list[int]:
        """Where a batch up to `last` must be cut, so that a restored row holds all of a piece or nothing of it."""
        passed = [fence for fence in self._fences if fence < last]
        self._fences = self._fences[len(passed) :]
        return passed

    def _distinct(self, columns: Columns) -> Events:
        """The batch's events that are new and not too late."""
        block, rows = columns.block, columns.rows
        clock, occurred = columns.clock[rows], block.number("occurred_at")[rows]
        is_new = self._seen.first_sightings(ids_of(block, rows), clock)
        is_late = occurred < clock - KEEP_MS
        self.totals.events += len(rows)
        self.totals.duplicates += int((~is_new).sum())
        self.totals.late += int((is_new & is_late).sum())
        if len(rows):
            plausible = np.minimum(occurred, block.number("received_at")[rows])  # no event is from the future
            self.watermark = max(self.watermark, int(plausible.max()))
        kept = is_new & ~is_late
        return Events(block, rows[kept], slots_of(block.number("received_at")[rows[kept]], clock[kept]))

    def _add(self, events: Events, upto: int, values: Sequence[bytes | None], offsets: Sequence[int]) -> None:
        if not len(events):
            return
        results, poison = self._apart(events, self._count)
        parts = [more for _, more in results]
        self._slots.add(parts)
        self._rows.add(parts, upto, is_replay=upto <= self._last_fence)
        for position, error in poison.items():
            at = int(events.rows[position])
            self._bury(values[at], offsets[at], FailureCode.UNEXPECTED, f"{type(error).__name__}: {error}")

    def _bury(self, value: bytes | None, offset: int, code: FailureCode, reason: str) -> None:
        origin = Origin(EMAIL_EVENTS.name, self.partition, offset)
        letter = unreadable(value or b"", origin, code, reason, Stage.REPUTATION)
        self._sides.append(Side(DEAD_LETTERS.name, letter.dead_letter_id.encode(), self._codec.encode(letter)))
        self.totals.dead += 1

    # -- flush ---------------------------------------------------------------------------------------------------

    def cut(self, next_offset: int) -> Cut:
        """Changed rows and ids since the last cut, and the marker; drops what is older than 72 hours."""
        rows = self._rows.cut(self.watermark) + self._seen.cut(next_offset) + self._expire()
        sides, self._sides = [*self._sides, *self._slots.cut(next_offset, self.clock)], []
        self._written_clock = self.clock
        marker = LaneMarker(next_offset=next_offset, clock=self.clock, watermark=self.watermark)
        return Cut(rows, self._codec.encode(marker), sides)

    def _expire(self) -> list[Row]:
        """Tombstones, once per minute of clock: by the clock of the last cut, whose write came before."""
        if self._written_clock - self._expired_clock < MINUTE_MS:
            return []
        self._expired_clock = self._written_clock
        horizon = self._written_clock - KEEP_MS - MINUTE_MS
        return self._rows.expire(horizon) + self._seen.expire(self._written_clock)
