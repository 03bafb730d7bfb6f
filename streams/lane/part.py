"""One ownership of one input partition, and the batches handed over under it.

A new `Part` is made at every assignment: whatever still points at an old one is stale. Positions are
input offsets, each "everything below": `fetched` is handed to the agent, `next` is processed, `flushed`
is durable.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Generic, TypeVar

State = TypeVar("State")


@dataclass(eq=False, slots=True)
class Part(Generic[State]):
    """The position and the state of a partition while this process owns it. Times: monotonic seconds."""

    number: int
    state: State
    fetched: int
    next: int
    flushed: int = -1  # differs from `next` at first: the first flush always writes and commits
    is_live: bool = True
    has_failed: bool = False  # a cut was taken and may not be in the log: nothing may be vouched for any more
    is_spoiled: bool = False  # a batch is half in the state: as above
    epoch: int = 0  # rises at every rewind; batches of an older epoch are stale
    must_rewind: bool = False
    handed_at_s: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(eq=False, slots=True)
class Batch(Generic[State]):
    """Consecutive records of one partition: input offsets [start, end), with holes where the log has them.

    `keys`: only for a lane that asks for them (`LaneSettings.with_keys`), empty for records that have none.
    """

    part: Part[State]
    epoch: int
    start: int
    end: int
    values: list[bytes | None]
    offsets: list[int]
    keys: list[bytes] = field(default_factory=list)

    @property
    def is_stale(self) -> bool:
        """True if the partition was lost, or is being read again from before this batch."""
        return not self.part.is_live or self.epoch != self.part.epoch
