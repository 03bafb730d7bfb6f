"""Slots: seconds of the log's own clock, and what a partition counted in each, written beside its totals.

An event falls into the second of its receipt; one that is found in the log when the partition's clock is more
than two seconds past it, into the second two before that clock. So a slot is complete once the clock of every partition
is `LATE_MS` past its end, whoever reads the log and whenever: what is judged slot by slot depends on the log alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from schemas.avro import Codec
from schemas.topics import REPUTATION_SLOTS
from schemas.verdicts import SlotCounts
from streams.core.changes import Side
from streams.core.compiled import Ints, SmallInts
from streams.core.counting import Increments

SLOT_MS = 1000
LATE_MS = 2000  # between the gateway's clock and the event's place in the log lies one hop; more only under overload
_PIECE_BYTES = 1 << 18  # of one record; more only for a name that alone is longer
_ENTRY_BYTES = 16


def slots_of(received_at: Ints, clock: Ints) -> Ints:
    """The slot (seconds since the epoch) of each event. `clock`: the partition's at the event; both in ms."""
    slots: Ints = np.maximum(received_at, clock - LATE_MS) // SLOT_MS
    return slots


def is_over(slot: int, clock: int) -> bool:
    """Can nothing more fall into the slot in a partition whose clock (ms) is there?"""
    return clock >= (slot + 1) * SLOT_MS + LATE_MS


class SlotWriter:
    """What a partition has counted since the last cut, for `REPUTATION_SLOTS`."""

    def __init__(self, partition: int, codec: Codec) -> None:
        self._partition, self._codec = partition, codec
        self._from = 0
        self._parts: list[Increments] = []

    def start(self, next_offset: int) -> None:
        """Everything below this input offset was written."""
        self._from = next_offset

    def add(self, parts: Sequence[Increments]) -> None:
        """These were counted."""
        self._parts += parts

    def cut(self, next_offset: int, clock: int) -> list[Side]:
        """The block up to this input offset, in as many records as it takes. `clock`: the partition's (ms)."""
        pieces = [piece for part in self._parts for piece in _pieces(part)] or [_NOTHING]
        sides = []
        for number, (names, ends, first, entries) in enumerate(pieces):
            record = SlotCounts(
                partition=self._partition,
                from_offset=self._from,
                to_offset=next_offset,
                chunk=number,
                chunks=len(pieces),
                clock=clock,
                first_slot=first,
                names=names,
                ends=ends.astype("<i4").tobytes(),
                entries=entries.astype("<i4", copy=False).tobytes(),
            )
            sides.append(Side(REPUTATION_SLOTS.name, None, self._codec.encode(record)))
        self._parts, self._from = [], next_offset
        return sides


_Piece = tuple[bytes, Ints, int, SmallInts]
_NOTHING: _Piece = (b"", np.zeros(0, np.int64), 0, np.zeros((0, 4), np.int32))


def _pieces(part: Increments) -> list[_Piece]:
    """Names, their ends, the first slot and entries, some `_PIECE_BYTES` in each."""
    if not part.keys:
        return []
    sizes = np.fromiter(map(len, part.keys), np.int64, len(part.keys))
    weights = sizes + _ENTRY_BYTES * np.bincount(part.entries[:, 0], minlength=len(sizes))
    piece = np.cumsum(weights) // _PIECE_BYTES
    bounds = [0, *(np.flatnonzero(np.diff(piece)) + 1).tolist(), len(sizes)]
    pieces = []
    for begin, end in pairwise(bounds):
        entries = part.entries
        if end - begin < len(sizes):
            entries = entries[(entries[:, 0] >= begin) & (entries[:, 0] < end)]
            entries[:, 0] -= begin
        pieces.append((b"".join(part.keys[begin:end]), np.cumsum(sizes[begin:end]), part.first_second, entries))
    return pieces
