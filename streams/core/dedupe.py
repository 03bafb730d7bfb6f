"""Which event ids were seen before: a bounded memory of 72 hours, 12 bytes a slot.

Webhook deliveries come more than once as a matter of course (some providers: three times on average),
so a duplicate is dropped before anything is counted. The answer is a pure function of the input log:
"seen" is judged by the partition clock's hour, never by when old slots were cleaned away.

An open-addressing hash table (linear probing), worked on by whole batches in a compiled loop. Ids are the
first 64 bits of the 128-bit event id: among n remembered ids a new one is taken for old with probability
n / 2^64.
"""

from __future__ import annotations

import numpy as np

from streams.core.compiled import FLAGS, HOURS, IDS, INT, WORD, Flags, Hours, Ids, Number, compiled

KEEP_HOURS = 72  # webhooks are retried for up to three days
HOUR_MS = 3_600_000
_FIRST_SIZE = 1 << 14
_MAX_LOAD = 0.5  # linear probing stays short below this
_U = np.uint64
_MIX = _U(0x9E3779B97F4A7C15)  # Fibonacci hashing (Knuth, TAOCP 3, 6.4): spreads ids made by anyone


class IdMemory:
    """Ids with the hour they were first seen in; 24 bytes an id at least.

    `max_ids` bounds the memory; `first_size`, a power of two, is how many slots it begins with.
    """

    def __init__(self, max_ids: int = 50_000_000, first_size: int = _FIRST_SIZE) -> None:
        self.max_ids, self._first_size = max_ids, first_size
        self._used = 0
        self.forgotten = 0  # ids given up before their time because the memory was full
        self._allocate(first_size)

    def __len__(self) -> int:
        return self._used

    def first_sightings(self, ids: Ids, hours: Hours) -> Flags:
        """Remember the ids; True where an id is new. `hours`: partition clock per record, not falling."""
        fresh = np.zeros(len(ids), np.bool_)
        if len(ids):
            self._reserve(len(ids), int(hours[0]))  # the first one still asks for all of its 72 hours
            self._used += _insert(self._slots, self._hours, self._shift, ids, hours, fresh)
        return fresh

    def restore(self, ids: Ids, hour: int) -> None:
        """Put ids back that were first seen in `hour`."""
        self.first_sightings(ids, np.full(len(ids), hour, dtype=np.int32))

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
        size = self._first_size
        while size < needed * 1.5:
            size *= 2
        self._allocate(size)
        fresh = np.zeros(int(keep.sum()), np.bool_)
        self._used = _insert(self._slots, self._hours, self._shift, ids[keep], hours[keep], fresh)

    def _allocate(self, size: int) -> None:
        self._size = size
        self._shift = _U(64 - (size.bit_length() - 1))
        self._slots = np.zeros(size, dtype=np.uint64)
        self._hours = np.zeros(size, dtype=np.int32)
        self._used = 0


@compiled(INT(IDS, HOURS, WORD, IDS, HOURS, FLAGS))
def _insert(slots: Ids, slot_hours: Hours, shift: Number, ids: Ids, hours: Hours, fresh: Flags) -> Number:
    """Remember ids one after the other; says of each whether it was new, and returns how many slots that took."""
    last = np.int64(len(slots) - 1)
    taken = 0
    for place in range(len(ids)):
        wanted = ids[place] if ids[place] != 0 else _U(1)  # 0 marks an empty slot
        slot = np.int64((wanted * _MIX) >> shift)
        while slots[slot] != 0 and slots[slot] != wanted:
            slot = (slot + 1) & last
        if slots[slot] == 0:
            slots[slot] = wanted
            taken += 1
        elif slot_hours[slot] > hours[place] - KEEP_HOURS:
            continue
        slot_hours[slot] = hours[place]
        fresh[place] = True
    return taken
