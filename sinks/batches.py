"""What the sink holds between the log and a table: buffers per partition, cut into batches.

A batch is named by the offsets of its first and last record, and that name is the insert's
deduplication token; so once a batch was announced its bounds are *pinned*, and whatever happens it is
sent again with exactly those bounds. Offsets are taken as they come: compaction and transactions leave
holes. Pure values, no I/O.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class Partition(NamedTuple):
    """One partition of one topic."""

    topic: str
    number: int


class Entry(NamedTuple):
    """One record: `timestamp` in milliseconds as the log has it, `value` None for a tombstone."""

    offset: int
    timestamp: int
    value: bytes | None


class Bounds(NamedTuple):
    """First and last offset of a batch, both included."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one partition that are inserted and committed together."""

    partition: Partition
    topic_id: str
    bounds: Bounds
    entries: list[Entry]

    @property
    def token(self) -> str:
        """Names exactly one content: the topic's id keeps a re-created topic's offsets apart."""
        first, last = self.bounds
        return f"{self.partition.topic}@{self.topic_id}:{self.partition.number}:{first}-{last}"


@dataclass(slots=True)
class Buffer:
    """One partition's records that are read and not committed yet.

    `committed`: the group's offset, below which everything is in the table (0 without one). `end`: how
    far the log is known to be read, which passes the last record where the log ends in a hole.
    `pinned`: bounds that the next batch must have; `is_announced`: whether its intent row is written.
    `was_sent`: the batch may have reached the store before, by whomever. `topic_id` is "" until the
    partition's history was looked up.
    """

    partition: Partition
    committed: int
    topic_id: str = ""
    entries: list[Entry] = field(default_factory=list)
    end: int = -1
    pinned: Bounds | None = None
    is_announced: bool = False
    was_sent: bool = False

    @property
    def is_untouched(self) -> bool:
        """Nothing was read of the partition since it was assigned."""
        return self.end < 0

    def add(self, entry: Entry) -> bool:
        """Append a record. False if it stands before what was read or committed: the log went back."""
        if entry.offset < self.end or entry.offset < self.committed:
            return False
        self.entries.append(entry)
        self.end = entry.offset + 1
        return True

    def restart(self, entry: Entry) -> None:
        """Forget everything: the topic was made again, and this is its first record here."""
        self.committed = entry.offset
        self.topic_id = ""
        self.entries = [entry]
        self.end = entry.offset + 1
        self.pinned = None
        self.is_announced = self.was_sent = False

    def reached(self, offset: int) -> None:
        """The log was read up to `offset` (excluded), whether or not records stood there."""
        self.end = max(self.end, offset)

    def pin(self, bounds: Bounds, *, is_announced: bool) -> None:
        """The next batch must have these bounds; announced ones that are not ours may have been sent."""
        self.was_sent = self.was_sent or (is_announced and bounds != self.pinned)
        self.pinned = bounds
        self.is_announced = is_announced

    def batch(self) -> Batch | None:
        """The next batch, pinned from now on; None while there is nothing, or not all of it yet."""
        if self.pinned is None:
            if not self.entries:
                return None
            self.pin(Bounds(self.entries[0].offset, self.entries[-1].offset), is_announced=False)
        assert self.pinned is not None  # noqa: S101 - just set; tells the type checker
        if self.end <= self.pinned.last:
            return None
        entries = [entry for entry in self.entries if entry.offset <= self.pinned.last]
        return Batch(self.partition, self.topic_id, self.pinned, entries)

    def done(self, batch: Batch) -> None:
        """The batch is in the table and committed: forget it."""
        self.committed = batch.bounds.last + 1
        self.forget(batch)

    def forget(self, batch: Batch) -> None:
        """Drop the batch's records without a commit: there was nothing to store in them."""
        self.entries = self.entries[len(batch.entries) :]
        self.pinned = None
        self.is_announced = self.was_sent = False
