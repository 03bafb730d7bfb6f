"""A recipient's row: what the evaluator keeps, how many transitions there were, and which input it holds.

    next_at (8 bytes) | the rest of what the evaluator packed | journeys
    | transitions so far (4) | bytes of journeys (4) | input offset (8)

All big endian. The first eight bytes are the evaluator's, too: the timer, which rows are sorted by, or earlier, when
time moves a journey first. Journeys: the code of those that were asked last (4), and what `Ride` packed; none where
there is nothing. A row holds all input of its recipient up to its offset; one that was written beyond its flush's
marker, on a broker that shows torn flushes, is told by that.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

_NEVER = 2**63 - 1
_TIMER = struct.Struct(">q")
_NEVER_PACKED = _TIMER.pack(_NEVER)
_TRAILER = struct.Struct(">IIq")
_OFFSET = 8  # bytes, the last ones


class Parts(NamedTuple):
    """What a row holds besides its input offset; `number`: how many transitions the recipient has had."""

    packed: bytes
    journeys: bytes
    number: int


def join(packed: bytes, number: int, offset: int, journeys: bytes = b"", moves_at: int | None = None) -> bytes:
    """The row. `packed`: of the evaluator; `number`: of transitions; `offset`: the last input that it holds.

    `moves_at`: when time moves a journey, in ms; None: never.
    """
    if moves_at is not None:
        packed = _TIMER.pack(min(_TIMER.unpack_from(packed)[0], max(moves_at, 1))) + packed[_TIMER.size :]
    return b"".join((packed, journeys, _TRAILER.pack(number, len(journeys), offset)))


def parts_of(row: bytes) -> Parts:
    """What was joined."""
    end = len(row) - _TRAILER.size
    number, size, _ = _TRAILER.unpack_from(row, end)
    return Parts(row[: end - size], row[end - size : end], number)


def is_same(row: bytes, other: bytes) -> bool:
    """Do they differ in their offsets at most?"""
    return row[:-_OFFSET] == other[:-_OFFSET]


def offset_of(row: bytes) -> int:
    """The last input offset that the row holds."""
    return int.from_bytes(row[-_OFFSET:], "big", signed=True)


def timer_of(row: bytes) -> int | None:
    """When the row must be looked at though nothing has happened, in ms; None: never."""
    at: int = _TIMER.unpack_from(row)[0]
    return None if at == _NEVER else max(at, 0)  # an index has no place for what is before 1970


def without_timer(row: bytes) -> bytes:
    """The same row, not looked at before its recipient's next event."""
    return _NEVER_PACKED + row[_TIMER.size :]
