"""Names and their places: the hash table under every large state, worked on by whole batches in compiled loops.

A name is a number and a text, either of which may be nothing. Its place is a small number, fixed until the name
is dropped, at which a table keeps whatever belongs to it (`rows.py`); places of dropped names are used again.

Open addressing with linear probing, at most half full; a name is taken out by moving back what follows it
(Knuth, TAOCP 3, 6.4, algorithm R), so there are no tombstones. Texts lie on end in one array, which is packed
when it is full. Hashes are 64-bit FNV-1a; equal means equal in every byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from numba import types

from streams.core.compiled import (
    BYTES,
    FLAG,
    IDS,
    INT,
    INTS,
    NOTHING,
    OUT_BYTES,
    TABLE,
    WORD,
    Bytes,
    Ids,
    Ints,
    Number,
    as_bytes,
    compiled,
    slices,
)

_FIRST_SIZE = 1 << 10
_U = np.uint64
_BASIS, _PRIME = _U(0xCBF29CE484222325), _U(0x100000001B3)  # FNV-1a
_MIX = _U(0x9E3779B97F4A7C15)  # Fibonacci hashing (Knuth, TAOCP 3, 6.4)
_HALF, _PLACE_BITS, _TAG_BITS = _U(32), _U(0xFFFFFFFF), _U(0xFFFFFFFF00000000)
_EMPTY, _ONE = _U(0), _U(1)
_HASH, _NUMBER, _START, _SIZE = range(4)  # of an entry
_TOP, _FREE, _END, _HELD = range(4)  # of `heads`
_NO_PLACE = -1


_Item = TypeVar("_Item", bound=np.generic)
MAKING = True  # of `find`


class Arrays(NamedTuple):
    """What the loops work on. By slot: `slots`, 32 bits of the hash over the place plus one, 0 for an empty one.

    By place: `entries`, the hash, the number, and start and size of the text in `arena`; a free place has size -1
    and the next free one as its start. `heads`: places ever used, the first free one or -1, the arena's end, names
    held.
    """

    slots: Ids
    entries: Ints
    arena: Bytes
    heads: Ints


NAMES = types.NamedTuple([IDS, TABLE, OUT_BYTES, INTS], Arrays)  # type: ignore[no-untyped-call]


class Names:
    """Some 50 bytes a name and its text; twice that at most while it grows. Not safe for threads."""

    def __init__(self) -> None:
        self.arrays = Arrays(
            np.zeros(2 * _FIRST_SIZE, np.uint64), np.zeros((_FIRST_SIZE, 4), np.int64),
            np.zeros(_FIRST_SIZE, np.uint8), np.array([0, _NO_PLACE, 0, 0], np.int64),
        )  # fmt: skip

    def __len__(self) -> int:
        return int(self.arrays.heads[_HELD])

    @property
    def room(self) -> int:
        """Places that there are arrays for."""
        return len(self.arrays.entries)

    def reserve(self, more: int, text_bytes: int) -> None:
        """Make room, so that a loop may make as many names with so much text."""
        top, _, end, held = self.arrays.heads.tolist()
        if top + more > self.room:
            self.arrays = self.arrays._replace(entries=longer(self.arrays.entries, _doubled(self.room, top + more)))
        if end + text_bytes > len(self.arrays.arena):
            live = int(np.maximum(self.arrays.entries[:top, _SIZE], 0).sum())
            arena = np.zeros(_doubled(_FIRST_SIZE, 2 * (live + text_bytes)), np.uint8)
            _pack(self.arrays, arena)
            self.arrays = self.arrays._replace(arena=arena)
        if 2 * (held + more) > len(self.arrays.slots):
            slots = np.zeros(_doubled(len(self.arrays.slots), 2 * (held + more)), np.uint64)
            self.arrays = self.arrays._replace(slots=slots)
            _fill_slots(self.arrays)

    def find(self, texts: Sequence[bytes], number: int = 0, *, is_making: bool) -> Ints:
        """Each name's place; of one that is not held -1, or, made now, -2 less its place. Repeated names are fine."""
        data = b"".join(texts)
        ends = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)))
        if is_making:
            self.reserve(len(texts), len(data))
        places = np.empty(len(texts), np.int64)
        _find_all(self.arrays, number, as_bytes(data), ends, is_making, places)
        return places

    def used(self) -> Ints:
        """Every place that has a name, rising."""
        return np.flatnonzero(self.arrays.entries[: self.arrays.heads[_TOP], _SIZE] >= 0)

    def texts(self, places: Ints) -> list[bytes]:
        """The names' texts."""
        sizes = self.arrays.entries[places, _SIZE]
        out = np.empty(int(sizes.sum()), np.uint8)
        _gather(self.arrays, places, out)
        return slices(out, np.cumsum(sizes))

    def drop(self, places: Ints) -> None:
        """Forget these names. Every place must have one."""
        _drop_all(self.arrays, places)


def longer(column: npt.NDArray[_Item], size: int) -> npt.NDArray[_Item]:
    """The same values, and zeros behind them: memory that nobody has touched yet."""
    grown = np.zeros((size, *column.shape[1:]), column.dtype)
    grown[: len(column)] = column
    return grown


def _doubled(size: int, needed: int) -> int:
    while size < needed:
        size *= 2
    return size


@compiled(WORD(INT, BYTES, INT, INT))
def _hash(number: Number, data: Bytes, begin: Number, end: Number) -> Number:
    mixed = (_BASIS ^ _U(number)) * _MIX
    mixed ^= mixed >> _HALF
    for at in range(begin, end):
        mixed = (mixed ^ _U(data[at])) * _PRIME
    return mixed * _MIX


@compiled(INT(IDS, INT))
def _home(slots: Ids, hashed: Number) -> Number:
    return (hashed >> 32) & (len(slots) - 1)


@compiled(INT(IDS, TABLE, OUT_BYTES, INTS, INT, BYTES, INT, INT, FLAG))
def find_in(
    slots: Ids, entries: Ints, arena: Bytes, heads: Ints, number: Number, data: Bytes, begin: Number, end: Number,
    is_making: Number,
) -> Number:  # fmt: skip
    """The place of a name in `Arrays`, -1 if it is not held; or, if it is made now, -2 less its place.

    Making needs room (`Names.reserve`); a new name's place has all zeros in a table's arrays.
    """
    hashed = _hash(number, data, begin, end)
    last = len(slots) - 1
    at, tag = _home(slots, np.int64(hashed)), hashed << _HALF
    while slots[at] != _EMPTY:
        if slots[at] & _TAG_BITS == tag:
            place = np.int64(slots[at] & _PLACE_BITS) - 1
            if entries[place, _NUMBER] == number and entries[place, _SIZE] == end - begin:
                offset = entries[place, _START] - begin
                byte = begin
                while byte < end and arena[byte + offset] == data[byte]:
                    byte += 1
                if byte == end:
                    return place
        at = (at + 1) & last
    if not is_making:
        return _NO_PLACE
    place = heads[_FREE]
    if place >= 0:
        heads[_FREE] = entries[place, _START]
    else:
        place = heads[_TOP]
        heads[_TOP] += 1
    slots[at] = tag | _U(place + 1)
    start = heads[_END]
    entries[place, _HASH], entries[place, _NUMBER] = np.int64(hashed), number
    entries[place, _START], entries[place, _SIZE] = start, end - begin
    for byte in range(end - begin):
        arena[start + byte] = data[begin + byte]
    heads[_END] += end - begin
    heads[_HELD] += 1
    return -2 - place


@compiled(NOTHING(NAMES, INT, BYTES, INTS, FLAG, INTS))
def _find_all(names: Arrays, number: Number, data: Bytes, ends: Ints, is_making: Number, places: Ints) -> None:
    slots, entries, arena, heads = names.slots, names.entries, names.arena, names.heads
    begin = 0
    for text in range(len(ends)):
        places[text] = find_in(slots, entries, arena, heads, number, data, begin, ends[text], is_making)
        begin = ends[text]


@compiled(NOTHING(NAMES, INTS))
def _drop_all(names: Arrays, places: Ints) -> None:
    slots, entries, heads = names.slots, names.entries, names.heads
    last = len(slots) - 1
    for place in places:
        hole = _home(slots, entries[place, _HASH])
        while np.int64(slots[hole] & _PLACE_BITS) - 1 != place:
            hole = (hole + 1) & last
        at = (hole + 1) & last
        while slots[at] != _EMPTY:
            home = _home(slots, entries[np.int64(slots[at] & _PLACE_BITS) - 1, _HASH])
            if (at - home) & last >= (at - hole) & last:  # it was pushed past the hole, and may go back into it
                slots[hole] = slots[at]
                hole = at
            at = (at + 1) & last
        slots[hole] = _EMPTY
        entries[place, _START], entries[place, _SIZE] = heads[_FREE], _NO_PLACE
        heads[_FREE] = place
        heads[_HELD] -= 1


@compiled(NOTHING(NAMES))
def _fill_slots(names: Arrays) -> None:
    """Put every name into slots that are empty."""
    slots, entries = names.slots, names.entries
    last = len(slots) - 1
    for place in range(names.heads[_TOP]):
        if entries[place, _SIZE] >= 0:
            at = _home(slots, entries[place, _HASH])
            while slots[at] != _EMPTY:
                at = (at + 1) & last
            slots[at] = (_U(entries[place, _HASH]) << _HALF) | _U(place + 1)


@compiled(NOTHING(NAMES, OUT_BYTES))
def _pack(names: Arrays, arena: Bytes) -> None:
    """Move the texts into another arena, without what dropped names have left."""
    entries, old = names.entries, names.arena
    end = 0
    for place in range(names.heads[_TOP]):
        if entries[place, _SIZE] >= 0:
            begin = entries[place, _START]
            entries[place, _START] = end
            for at in range(begin, begin + entries[place, _SIZE]):
                arena[end] = old[at]
                end += 1
    names.heads[_END] = end


@compiled(NOTHING(NAMES, INTS, OUT_BYTES))
def _gather(names: Arrays, places: Ints, out: Bytes) -> None:
    entries, arena = names.entries, names.arena
    end = 0
    for place in places:
        start = entries[place, _START]
        for at in range(start, start + entries[place, _SIZE]):
            out[end] = arena[at]
            end += 1
