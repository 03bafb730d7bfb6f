"""A recipient's row: what the evaluator keeps, how many transitions there were, and which input it holds.

    next_at (8 bytes) | the rest of what the evaluator packed | transitions so far (4) | input offset (8)

All big endian. The first eight bytes are the evaluator's, too: the timer, which rows are sorted by. A row holds all
input of its recipient up to its offset; one that was written beyond its flush's marker, on a broker that shows torn
flushes, is told by that.
"""

from __future__ import annotations

import struct

_NEVER = 2**63 - 1
_TIMER = struct.Struct(">q")
_NEVER_PACKED = _TIMER.pack(_NEVER)
_TRAILER = struct.Struct(">Iq")


def join(packed: bytes, number: int, offset: int) -> bytes:
    """The row. `packed`: of the evaluator; `number`: of transitions; `offset`: the last input that it holds."""
    return packed + _TRAILER.pack(number, offset)


def packed_of(row: bytes) -> bytes:
    """What the evaluator packed."""
    return row[: -_TRAILER.size]


def number_of(row: bytes) -> int:
    """How many transitions the recipient has had."""
    number: int = _TRAILER.unpack_from(row, len(row) - _TRAILER.size)[0]
    return number


def offset_of(row: bytes) -> int:
    """The last input offset that the row holds."""
    offset: int = _TRAILER.unpack_from(row, len(row) - _TRAILER.size)[1]
    return offset


def timer_of(row: bytes) -> int | None:
    """When the row must be looked at though nothing has happened, in ms; None: never."""
    at: int = _TIMER.unpack_from(row)[0]
    return None if at == _NEVER else max(at, 0)  # an index has no place for what is before 1970


def without_timer(row: bytes) -> bytes:
    """The same row, not looked at before its recipient's next event."""
    return _NEVER_PACKED + row[_TIMER.size :]
