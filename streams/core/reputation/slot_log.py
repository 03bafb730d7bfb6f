"""The counts of all partitions by slot, put together from their blocks: what the watch is fed with.

Blocks of one partition chain: each begins at the input offset where the one before it ended. A block counts when its
successor is there, which is written only after it was committed; what a killed owner left behind has no successor
and is passed over (some brokers show aborted records). A slot is handed out when the clock of every partition is
past it. If one partition stays so far behind that `MOST_ROWS` rows wait for it, the oldest slots are handed out without
it, and what it says of them later falls into the next: memory is bounded, and the log alone still decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from schemas.verdicts import SlotCounts
from streams.core.compiled import Ints, as_bytes
from streams.core.meaning import METRICS
from streams.core.reputation.cells import split_keys
from streams.core.slots import LATE_MS, SLOT_MS, is_over

MOST_ROWS = 2_000_000  # some 0.5 GB


class SlotRows(NamedTuple):
    """One slot's counts of one block, a row for each of the `keys` (changelog keys without the minute).

    `minutes`: event minutes (ms). `counts`: shape (rows, METRICS). `offset`: where the block begins in the log.
    """

    keys: list[bytes]
    minutes: Ints
    counts: Ints
    offset: int


@dataclass(slots=True)
class _Block:
    """The records of one block so far; `offset`: of the first of them in the log."""

    chunks: list[SlotCounts]
    offset: int


@dataclass(slots=True)
class _Chain:
    """One partition. `candidates`: complete blocks that begin at `expected`, by where they end."""

    expected: int = -1
    clock: int = -1
    candidates: dict[int, _Block] = field(default_factory=dict)
    unfinished: _Block | None = None

    def add(self, record: SlotCounts, offset: int) -> _Block | None:
        """The block that this record confirms, if it does."""
        if record.chunk == 0:
            self.unfinished = _Block([], offset)
        if self.unfinished is None or len(self.unfinished.chunks) != record.chunk:
            self.unfinished = None  # its beginning lies before what is read, so nothing of it is wanted
            return None
        self.unfinished.chunks.append(record)
        if record.chunk + 1 < record.chunks:
            return None
        block, self.unfinished = self.unfinished, None
        return self._link(block, record.from_offset, record.to_offset)

    def _link(self, block: _Block, begin: int, end: int) -> _Block | None:
        confirmed = None
        if begin > self.expected:
            confirmed = self.candidates.get(begin)  # None where the log's own beginning is gone
            self.expected, self.candidates = begin, {}
            if confirmed is not None:
                self.clock = max(self.clock, confirmed.chunks[-1].clock)
        if begin == self.expected and end > begin:
            self.candidates[end] = block
        return confirmed

    def oldest(self, otherwise: int) -> int:
        """The first log offset that is still needed."""
        waiting = [block.offset for block in self.candidates.values()]
        if self.unfinished is not None:
            waiting.append(self.unfinished.offset)
        return min(waiting, default=otherwise)


class SlotLog:
    """Takes records in the order of the log, hands slots out in theirs. `closed`: everything up to that slot is out."""

    def __init__(self, partitions: int, closed: int = -1, applied_below: int = 0) -> None:
        """Go on behind slot `closed`; what the log says of earlier ones below offset `applied_below` is known."""
        self._chains = [_Chain() for _ in range(partitions)]
        self._open: dict[int, list[SlotRows]] = {}
        self._rows = 0
        self._applied_below = applied_below
        self.closed = closed
        self.forced = 0  # slots that were handed out before every partition was past them

    @property
    def clock(self) -> int:
        """The clock (ms) of the slowest partition, -1 before each has been heard of."""
        return min(chain.clock for chain in self._chains)

    def add(self, record: SlotCounts, offset: int) -> None:
        """One record at this offset of the log."""
        block = self._chains[record.partition].add(record, offset)
        if block is None:
            return
        for chunk in block.chunks:
            for slot, rows in _by_slot(chunk, block.offset):
                if slot <= self.closed and offset < self._applied_below:
                    continue
                self._open.setdefault(max(slot, self.closed + 1), []).append(rows)
                self._rows += len(rows.keys)

    def ready(self) -> Iterator[tuple[int, list[SlotRows]]]:
        """The slots that are complete now, rising, each once."""
        clock = self.clock
        for slot in sorted(self._open):
            is_forced = self._rows > MOST_ROWS
            if not is_over(slot, clock) and not is_forced:
                break
            self.forced += not is_over(slot, clock)
            rows = self._open.pop(slot)
            self._rows -= sum(len(some.keys) for some in rows)
            self.closed = slot
            yield slot, rows
        self.closed = max(self.closed, (clock - LATE_MS) // SLOT_MS - 1)

    def oldest(self, otherwise: int) -> int:
        """The log offset from which it must be read again to know all that is not handed out. `otherwise`: its end."""
        waiting = [rows.offset for slot in self._open.values() for rows in slot]
        return min([*waiting, *(chain.oldest(otherwise) for chain in self._chains)], default=otherwise)


def _by_slot(record: SlotCounts, offset: int) -> Iterator[tuple[int, SlotRows]]:
    """A record's counts, a slot at a time."""
    entries = np.frombuffer(record.entries, "<i4").reshape(-1, 4).astype(np.int64)
    if not len(entries):
        return
    ends = np.empty((3, len(record.ends) // 4), np.int64)
    ends[2] = np.frombuffer(record.ends, "<i4")
    strange = split_keys(as_bytes(record.names), ends)
    if strange >= 0:
        raise ValueError(f"name {strange} of a block of counts has no three parts")
    begins = np.concatenate(([0], ends[2, :-1]))
    for after in np.unique(entries[:, 1]).tolist():
        _, rows, metrics, more = entries[entries[:, 1] == after].T[[1, 0, 2, 3]]
        used, places = np.unique(rows, return_inverse=True)
        counts = np.zeros((len(used), len(METRICS)), np.int64)
        np.add.at(counts, (places, metrics), more)
        spans = np.stack((begins[used], ends[1, used], ends[2, used]), axis=1).tolist()
        keys = [record.names[begin:end] for begin, end, _ in spans]
        minutes = np.array([int(record.names[end + 1 : last]) for _, end, last in spans], np.int64)
        yield record.first_slot + after, SlotRows(keys, minutes, counts, offset)
