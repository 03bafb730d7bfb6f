"""Which event ids were seen before: a bounded memory of 72 hours, 9 bytes of payload a slot.

Webhook deliveries come more than once as a matter of course (some providers: three times on average),
so a duplicate is dropped before anything is counted. The answer is a pure function of the input log:
"seen" is judged by the partition clock's hour, never by when old slots were cleaned away.

An open-addressing hash table in numpy (linear probing), worked on by whole batches. Ids are the first
64 bits of the 128-bit event id: among n remembered ids a new one is taken for old with probability
n / 2^64.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.uint64]
Hours = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

KEEP_HOURS = 72  # webhooks are retried for up to three days
HOUR_MS = 3_600_000
_FIRST_SIZE = 1 << 14
_MAX_LOAD = 0.5  # linear probing stays short below this
_MIX = np.uint64(0x9E3779B97F4A7C15)  # Fibonacci hashing (Knuth, TAOCP 3, 6.4): spreads ids made by anyone


class IdMemory:
    """Ids with the hour they were first seen in. `max_ids` bounds the memory (18 bytes an id at least)."""

    def __init__(self, max_ids: int = 50_000_000) -> None:
        self.max_ids = max_ids
        self.forgotten = 0  # ids given up before their time because the memory was full
        self._allocate(_FIRST_SIZE)

    def __len__(self) -> int:
        return self._used

    def first_sightings(self, ids: Ids, hours: Hours) -> Mask:
        """Remember the ids; True where an id is new. `hours`: partition clock per record, not falling."""
        found = np.zeros(len(ids), dtype=np.bool_)
        if not len(ids):
            return found
        if hours[-1] - hours[0] >= KEEP_HOURS:  # a quiet partition read fast: an id may be new twice in one batch
            middle = int(np.searchsorted(hours, hours[0] + KEEP_HOURS))
            parts = (slice(0, middle), slice(middle, None))
            return np.concatenate([self.first_sightings(ids[part], hours[part]) for part in parts])
        ids = np.where(ids == 0, np.uint64(1), ids)  # 0 marks an empty slot
        unique, first = np.unique(ids, return_index=True)
        self._reserve(len(unique), int(hours[-1]))
        found[first] = self._insert(unique, hours[first])
        return found

    def restore(self, ids: Ids, hour: int) -> None:
        """Put ids back that were first seen in `hour`."""
        self.first_sightings(ids, np.full(len(ids), hour, dtype=np.int32))

    def _insert(self, ids: Ids, hours: Hours) -> Mask:
        fresh = np.zeros(len(ids), dtype=np.bool_)
        slot = ((ids * _MIX) >> self._shift).astype(np.int64)
        todo = np.arange(len(ids))
        while len(todo):
            at = slot[todo]
            held = self._slots[at]
            same = held == ids[todo]
            empty = held == 0
            claim = todo[empty]
            self._slots[slot[claim]] = ids[claim]  # several may want one slot: the last one written has it
            won = claim[self._slots[slot[claim]] == ids[claim]]
            self._hours[slot[won]] = hours[won]
            fresh[won] = True
            self._used += len(won)
            known = todo[same]
            expired = known[self._hours[slot[known]] <= hours[known] - KEEP_HOURS]
            self._hours[slot[expired]] = hours[expired]
            fresh[expired] = True
            done = np.zeros(len(ids), dtype=np.bool_)
            done[won] = done[known] = True
            todo = todo[~done[todo]]
            slot[todo] = (slot[todo] + 1) & self._mask
        return fresh

    def _reserve(self, more: int, hour: int) -> None:
        if self._used + more <= min(self._size * _MAX_LOAD, self.max_ids):
            return
        ids, hours = self._slots, self._hours
        keep = (ids != 0) & (hours > hour - KEEP_HOURS)
        horizon = hour - KEEP_HOURS
        while int(keep.sum()) + more > self.max_ids and horizon < hour:
            horizon += 1
            rest = keep & (hours > horizon)
            self.forgotten += int(keep.sum()) - int(rest.sum())
            keep = rest
        needed = (int(keep.sum()) + more) / _MAX_LOAD
        size = _FIRST_SIZE
        while size < needed * 1.5:
            size *= 2
        self._allocate(size)
        self._insert(ids[keep], hours[keep])

    def _allocate(self, size: int) -> None:
        self._size, self._mask = size, np.int64(size - 1)
        self._shift = np.uint64(64 - (size.bit_length() - 1))
        self._slots = np.zeros(size, dtype=np.uint64)
        self._hours = np.zeros(size, dtype=np.int32)
        self._used = 0
