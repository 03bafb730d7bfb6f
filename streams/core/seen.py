"""The memory of event ids with its changelog records: what is new, and how that survives a crash.

First sightings are written in chunks of one clock hour. A chunk is rewritten as it grows, and says at
which input offset each of its segments ends, so that a restore takes exactly what lies below the
marker and replays find the rest new again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from schemas.aggregates import LaneIds
from schemas.avro import Codec
from streams.core.changes import Row
from streams.core.compiled import Flags, Hours, Ids, Ints
from streams.core.dedupe import HOUR_MS, KEEP_HOURS, IdMemory

PREFIX = b"\x00ids"
_CHUNK_IDS = 2048  # 16 kB: small enough to rewrite with every flush, large enough to keep chunks few
_SEGMENTS = 32  # a quiet stream adds some ids with each flush, and each segment is written again with every next one


@dataclass(slots=True)
class _Chunk:
    """The open chunk of an hour; `ids` are the segments, `ends` the input offset below which each lies."""

    start: int
    ids: list[bytes] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    def size(self) -> int:
        return sum(len(segment) for segment in self.ids) // 8


class SeenIds:
    """Ids seen in the last 72 hours of the partition clock, restorable from changelog records."""

    def __init__(self, codec: Codec) -> None:
        self.memory = IdMemory()
        self._codec = codec
        self._restored: dict[bytes, LaneIds] = {}
        self._keys: dict[bytes, int] = {}  # every chunk in the changelog, with its hour
        self._fresh: list[tuple[Ids, Hours]] = []
        self._open: dict[int, _Chunk] = {}

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take a changelog record whose key begins with PREFIX."""
        if value is None:
            self._restored.pop(key, None)
        else:
            self._restored[key] = self._codec.decode(value, LaneIds)

    def start(self, next_offset: int) -> None:
        """The log is restored up to `next_offset`: remember what was seen below it, and no more."""
        for key, chunk in sorted(self._restored.items(), key=lambda item: (item[1].hour, item[1].start)):
            count = sum(size for size, end in zip(chunk.sizes, chunk.ends, strict=True) if end <= next_offset)
            ids = np.frombuffer(chunk.ids, dtype=">u8", count=count).astype(np.uint64)
            self.memory.restore(ids, chunk.hour)
            self._keys[key] = chunk.hour
        self._restored.clear()

    def first_sightings(self, ids: Ids, clock: Ints) -> Flags:
        """True where an id is new; `clock` in ms per record. Both in the order of the log."""
        hours = (clock // HOUR_MS).astype(np.int32)
        is_new = self.memory.first_sightings(ids, hours)
        self._fresh.append((ids[is_new], hours[is_new]))
        return is_new

    def cut(self, next_offset: int) -> list[Row]:
        """Changelog records for what was first seen since the last cut, all below `next_offset`."""
        fresh, self._fresh = self._fresh, []
        if not fresh:
            return []
        ids = np.concatenate([part for part, _ in fresh])
        hours = np.concatenate([part for _, part in fresh])
        rows = [self._append(hour, ids[hours == hour], next_offset) for hour in np.unique(hours).tolist()]
        for hour in [hour for hour in self._open if hour < int(hours.max(initial=0))]:
            del self._open[hour]  # the clock does not fall: nothing more comes for it
        return rows

    def _append(self, hour: int, ids: Ids, next_offset: int) -> Row:
        chunk = self._open.get(hour)
        if chunk is None or chunk.size() >= _CHUNK_IDS or len(chunk.ids) >= _SEGMENTS:
            chunk = self._open[hour] = _Chunk(start=next_offset)
        chunk.ids.append(ids.astype(">u8").tobytes())
        chunk.ends.append(next_offset)
        record = LaneIds(
            hour=hour,
            start=chunk.start,
            ids=b"".join(chunk.ids),
            ends=list(chunk.ends),
            sizes=[len(segment) // 8 for segment in chunk.ids],
        )
        key = PREFIX + f"\x1f{hour}\x1f{chunk.start}".encode()
        self._keys[key] = hour
        return key, self._codec.encode(record)

    def expire(self, clock: int) -> list[Row]:
        """Tombstones for chunks that no record at `clock` (ms) or later can ask about."""
        horizon = clock // HOUR_MS - KEEP_HOURS
        old = [key for key, hour in self._keys.items() if hour <= horizon]
        for key in old:
            del self._keys[key]
        return [(key, None) for key in old]
