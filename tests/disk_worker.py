"""A worker that counts distinct ids per recipient in rows on disk, for kill tests.

python -m tests.disk_worker BOOTSTRAP TOPIC GROUP CHANGELOG DATA

Input records are `recipient|id`. SIGRTMIN tears the next flush with rows in it (some rows are safe in the log,
nothing is committed); SIGRTMIN+1 ends the process after the next commit, before its rows are on disk.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import struct
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from faust.worker import Worker

from schemas.aggregates import LaneMarker
from schemas.avro import Codec
from streams import logs
from streams.agents.app import worker_app
from streams.clock import clock_ms
from streams.core.changes import Cut
from streams.lane.disk import DiskRows
from streams.lane.disk_lane import DiskLane
from streams.lane.part import Batch, Part
from streams.lane.rocks import Memory
from streams.lane.settings import LaneSettings

log = logging.getLogger(__name__)
TEAR = signal.SIGRTMIN
FORGET = signal.SIGRTMIN + 1
TOLD = 9  # the exit code of a process that died as it was told to
SESSION_MS = 6_000  # the shortest that Kafka allows
ID_BYTES = 8
_HEAD = struct.Struct(">q")  # the input offset that the row is true for; ids follow


def ids_in(value: bytes) -> list[bytes]:
    """The ids of a row, in the order of their first sighting."""
    return [value[at : at + ID_BYTES] for at in range(_HEAD.size, len(value), ID_BYTES)]


def count_of(value: bytes) -> int:
    """How many ids a row has: what rows are sorted by."""
    return (len(value) - _HEAD.size) // ID_BYTES


def rows_of(data: Path, partition: int, memory: Memory) -> DiskRows:
    """A partition's rows, as this worker keeps them."""
    return DiskRows(data / str(partition), memory, clock_ms, order=count_of)


class Counts:
    """The state of one partition."""

    def __init__(self, number: int, kept: DiskRows, codec: Codec) -> None:
        self.number, self.kept, self._codec = number, kept, codec
        self.restored = 0

    def restore(self, keys: Sequence[bytes], values: Sequence[bytes | None]) -> None:
        self.restored += len(keys)
        self.kept.restore(keys, values)

    def start(self, marker: LaneMarker | None) -> int:
        start = marker.next_offset if marker else 0
        log.info("partition %d: restored %d records, on from %d", self.number, self.restored, start)
        return start

    def fold(self, values: Sequence[bytes | None], offsets: Sequence[int]) -> None:
        pairs = [(value or b"").split(b"|") for value in values]
        recipients = sorted({recipient for recipient, _ in pairs})
        rows = {key: row or _HEAD.pack(-1) for key, row in zip(recipients, self.kept.get_many(recipients), strict=True)}
        for (recipient, unique), offset in zip(pairs, offsets, strict=True):
            row = rows[recipient]
            if offset <= _HEAD.unpack_from(row)[0]:
                continue  # a row beyond the marker: it holds this record
            more = b"" if unique in ids_in(row) else unique
            rows[recipient] = _HEAD.pack(offset) + row[_HEAD.size :] + more
        for recipient, row in rows.items():
            self.kept.put(recipient, row)

    def cut(self, next_offset: int) -> Cut:
        marker = LaneMarker(next_offset=next_offset, clock=0, watermark=0)
        return Cut(self.kept.cut(), self._codec.encode(marker), [])


class Mortal(DiskLane[Counts]):
    """Dies in a flush when told to."""

    told = 0

    def tell(self, number: int, _: object) -> None:
        self.told = number

    def _append(self, part: Part[Counts], cut: Cut) -> int:
        if self.told == TEAR and cut.rows:
            producer = self._producers[part.number]
            producer.begin_transaction()
            for key, value in cut.rows[: random.randint(1, len(cut.rows))]:
                producer.produce(self.changelog, value, key, part.number)
            producer.flush(10)
            os._exit(TOLD)
        changelog_next = super()._append(part, cut)
        if self.told == FORGET and cut.rows:
            os._exit(TOLD)
        return changelog_next


def main() -> None:
    """Run until killed."""
    bootstrap, topic, group, changelog, data = sys.argv[1:6]
    logs.set_up("INFO")
    codec, memory = Codec(), Memory()
    app = worker_app(group, bootstrap, session_timeout_ms=SESSION_MS)
    settings = LaneSettings(bootstrap=bootstrap, group=group, topic=topic, session_timeout_ms=SESSION_MS, batch=200)
    lane = Mortal(
        *(app, settings),
        changelog=changelog,
        codec=codec,
        new_state=lambda number: Counts(number, rows_of(Path(data), number, memory), codec),
    )
    app.service(lane)
    for number in (TEAR, FORGET):
        signal.signal(number, lane.tell)

    @app.agent(lane.channel)  # type: ignore[untyped-decorator]  # Faust has no types
    async def count(batches: AsyncIterator[Batch[Counts]]) -> None:
        async for batch in batches:
            try:
                if lane.accept(batch):
                    batch.part.state.fold(batch.values, batch.offsets)
                    lane.done(batch)
            except Exception as error:  # noqa: BLE001 - nothing may leave the loop
                await lane.crash(error)

    _run(app)


def _run(app: Any) -> None:
    Worker(app, loglevel="INFO", redirect_stdouts=False, override_logging=False, quiet=True).execute_from_commandline()


if __name__ == "__main__":
    main()
