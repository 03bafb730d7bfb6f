"""The reputation state of one partition: distinct events counted per row, with the ids seen.

Pure and deterministic: the state after offset o is a function of the log up to o. A row carries the
offset it is true for (`applied_offset`), so records read again are skipped per row. Duplicates (by
event id, over 72 hours of the partition clock) and events later than 72 hours are not counted. Rows
and ids older than that are dropped, with tombstones, once a marker with that clock is durable: a
replay can then never start below what was dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from schemas.aggregates import LaneMarker, ReputationPartial
from schemas.avro import Codec
from schemas.errors import FailureCode
from schemas.failures import Stage
from schemas.topics import DEAD_LETTERS, EMAIL_EVENTS
from streams.core.changes import Cut, Row, Side
from streams.core.columns import Columns, ids_of, read_columns
from streams.core.counting import COLUMNS, MINUTE_MS, Increment, RowKey, count
from streams.core.dedupe import HOUR_MS, KEEP_HOURS
from streams.core.normalise import Origin, unreadable
from streams.core.seen import SeenIds

KEEP_MS = KEEP_HOURS * HOUR_MS
Counter = Callable[[pl.DataFrame], dict[RowKey, Increment]]
Apart = Callable[[Any, Callable[[Any], Any]], tuple[list[tuple[list[int], Any]], dict[int, Exception]]]


@dataclass(slots=True)
class Totals:
    """What this process has seen since it owns the partition; for metrics."""

    events: int = 0
    duplicates: int = 0
    late: int = 0
    dead: int = 0


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
        self._rows: dict[RowKey, ReputationPartial] = {}
        self._seen = SeenIds(codec)
        self._dirty: set[RowKey] = set()
        self._sides: list[Side] = []
        self._fence = -1  # no restored row holds anything beyond this offset
        self._written_clock = 0  # of the last cut: durable by the time of the next one
        self._expired_clock = 0

    # -- restore -------------------------------------------------------------------------------------------------

    def restore(self, key: bytes, value: bytes | None) -> None:
        """One changelog record; the row that holds more wins, whoever wrote it last."""
        if self._seen.restore(key, value):
            return
        row_key = _row_key(key)
        if value is None:
            self._rows.pop(row_key, None)
            return
        partial = self._codec.decode(value, ReputationPartial)
        held = self._rows.get(row_key)
        if held is None or partial.applied_offset >= held.applied_offset:
            partial.oldest_new_received_at = 0  # written already: nothing of it is new
            self._rows[row_key] = partial

    def start(self, marker: LaneMarker | None) -> int:
        """Where to go on from: the marker's offset, the beginning without one."""
        self._fence = max((row.applied_offset for row in self._rows.values()), default=-1)
        next_offset = marker.next_offset if marker else 0
        if marker:
            self.clock = self._written_clock = marker.clock
            self.watermark = marker.watermark
        self._seen.start(next_offset)
        return next_offset

    # -- fold ----------------------------------------------------------------------------------------------------

    def fold(self, values: Sequence[bytes | None], offsets: Sequence[int]) -> None:
        """Count a batch of topic values at these input offsets (rising). Never raises for a bad record."""
        columns = read_columns(values, COLUMNS, self._codec, self.clock)
        for position, error in sorted(columns.broken.items()):
            self._bury(values[position], offsets[position], error.code, str(error))
        kept = self._distinct(columns, offsets)
        replayed = int(np.searchsorted(kept["offset"].to_numpy(), self._fence, side="right"))
        for position in range(replayed):  # each row goes on from its own place
            one = kept[position : position + 1]
            self._add(one, one["offset"].item(), values, offsets)
        self._add(kept[replayed:], offsets[-1], values, offsets)
        self.clock = int(columns.clock[-1])

    def _distinct(self, columns: Columns, offsets: Sequence[int]) -> pl.DataFrame:
        """The batch's events that are new and not too late, with their `offset`."""
        frame = columns.frame
        at = frame["position"].to_numpy()
        clock, offset = columns.clock[at], np.asarray(offsets, dtype=np.int64)[at]
        ids = ids_of(frame)
        is_new = self._seen.first_sightings(ids, clock)
        occurred = frame["occurred_at"].to_numpy()
        is_late = occurred < clock - KEEP_MS
        self.totals.events += len(frame)
        self.totals.duplicates += int((~is_new).sum())
        self.totals.late += int((is_new & is_late).sum())
        if len(frame):
            plausible = np.minimum(occurred, frame["received_at"].to_numpy())  # no event is from the future
            self.watermark = max(self.watermark, int(plausible.max()))
        frame = frame.insert_column(frame.width, pl.Series("offset", offset))
        keep = is_new & ~is_late
        return frame if keep.all() else frame.filter(pl.Series(keep))

    def _add(self, events: pl.DataFrame, upto: int, values: Sequence[bytes | None], offsets: Sequence[int]) -> None:
        if events.is_empty():
            return
        results, poison = self._apart(events, self._count)
        for _, increments in results:
            for key, increment in increments.items():
                self._add_row(key, increment, upto)
        for position, error in poison.items():
            at = events["position"][position]
            self._bury(values[at], offsets[at], FailureCode.UNEXPECTED, f"{type(error).__name__}: {error}")

    def _add_row(self, key: RowKey, increment: Increment, upto: int) -> None:
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = self._new_row(key)
        elif upto <= self._fence and row.applied_offset >= upto:
            return  # a restored row that holds this event already
        for metric, more in increment.counts.items():
            setattr(row, metric, getattr(row, metric) + more)
        row.applied_offset = max(row.applied_offset, upto)
        oldest = row.oldest_new_received_at or increment.oldest_received_at
        row.oldest_new_received_at = min(oldest, increment.oldest_received_at)
        row.newest_received_at = max(row.newest_received_at, increment.newest_received_at)
        self._dirty.add(key)

    def _bury(self, value: bytes | None, offset: int, code: FailureCode, reason: str) -> None:
        origin = Origin(EMAIL_EVENTS.name, self.partition, offset)
        letter = unreadable(value or b"", origin, code, reason, Stage.REPUTATION)
        self._sides.append(Side(DEAD_LETTERS.name, letter.dead_letter_id.encode(), self._codec.encode(letter)))
        self.totals.dead += 1

    # -- flush ---------------------------------------------------------------------------------------------------

    def cut(self, next_offset: int) -> Cut:
        """Changed rows and ids since the last cut, and the marker; drops what is older than 72 hours."""
        rows: list[Row] = [self._encode(key, self._rows[key]) for key in self._dirty]
        rows += self._seen.cut(next_offset)
        rows += self._expire()
        sides, self._sides = self._sides, []
        self._dirty.clear()
        self._written_clock = self.clock
        marker = LaneMarker(next_offset=next_offset, clock=self.clock, watermark=self.watermark)
        return Cut(rows, self._codec.encode(marker), sides)

    def _new_row(self, key: RowKey) -> ReputationPartial:
        return ReputationPartial(**key._asdict(), partition=self.partition, applied_offset=-1, watermark=0)

    def _encode(self, key: RowKey, row: ReputationPartial) -> Row:
        row.watermark = self.watermark
        value = self._codec.encode(row)
        row.oldest_new_received_at = 0
        return _key_bytes(key), value

    def _expire(self) -> list[Row]:
        """Tombstones, once per minute of clock: by the clock of the last cut, whose write came before."""
        if self._written_clock - self._expired_clock < MINUTE_MS:
            return []
        self._expired_clock = self._written_clock
        horizon = self._written_clock - KEEP_MS - MINUTE_MS
        old = [key for key in self._rows if key.minute < horizon and key not in self._dirty]
        for key in old:
            del self._rows[key]
        return [(_key_bytes(key), None) for key in old] + self._seen.expire(self._written_clock)


def _key_bytes(key: RowKey) -> bytes:
    return "\x1f".join((key.tenant, key.kind, key.key, key.source, str(key.minute))).encode()


def _row_key(key: bytes) -> RowKey:
    tenant, kind, text, source, minute = key.decode().split("\x1f")
    return RowKey(tenant, kind, text, source, int(minute))
