"""Avro's integers for many records at once: a matrix of numbers in, each row's encoding out.

Zigzag variable-length coding of int and long (Avro specification 1.11, "Binary encoding"); equal to
`schemas.encoding.long` number by number (property test).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from streams.core.compiled import INTS, OUT_BYTES, TABLE, Ints, compiled, several, slices

_U = np.uint64
_LONGEST = 10  # bytes of 64 bits
_SEVEN, _LOW, _MORE = _U(7), _U(127), _U(128)


def encode_longs(table: Ints) -> list[bytes]:
    """For each row of `table` (shape (rows, columns), any 64-bit numbers) its longs, one after the other."""
    return slices(*_encode(np.ascontiguousarray(table)))


@compiled(several(OUT_BYTES, INTS)(TABLE))
def _encode(table: Ints) -> Any:
    out = np.empty(table.size * _LONGEST, np.uint8)
    ends = np.empty(len(table), np.int64)
    at = 0
    for row in range(len(table)):
        for column in range(table.shape[1]):
            number = table[row, column]
            rest = _U((number << 1) ^ (number >> 63))
            while rest > _LOW:
                out[at] = np.uint8((rest & _LOW) | _MORE)
                rest >>= _SEVEN
                at += 1
            out[at] = np.uint8(rest)
            at += 1
        ends[row] = at
    return out[:at].copy(), ends
