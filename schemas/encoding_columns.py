"""Avro's integers for many records at once: a matrix of numbers in, each row's encoding out.

Zigzag variable-length coding of int and long (Avro specification 1.11, "Binary encoding"), worked out on
whole columns; equal to `schemas.encoding.long` number by number (property test).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
_BITS = 7  # of the number in each byte; the eighth says that more follow


def encode_longs(table: Ints) -> list[bytes]:
    """For each row of `table` (shape (rows, columns), any 64-bit numbers) its longs, one after the other."""
    if not table.size:
        return [b""] * len(table)
    zigzag = ((table << 1) ^ (table >> 63)).astype(np.uint64)
    width = max(1, -(-int(zigzag.max()).bit_length() // _BITS))
    septets = zigzag[:, :, None] >> np.arange(0, _BITS * width, _BITS, dtype=np.uint64)
    is_there = septets != 0
    is_there[:, :, 0] = True  # zero takes a byte too
    octets = (septets & np.uint64(0x7F)).astype(np.uint8)
    octets[:, :, :-1] |= is_there[:, :, 1:].astype(np.uint8) << 7
    ends = np.cumsum(is_there.sum(axis=(1, 2))).tolist()
    joined = octets[is_there].tobytes()
    return [joined[start:end] for start, end in zip([0, *ends], ends, strict=False)]
