"""The state of a recipient as bytes: `next_at` (8, big-endian, 2**63 - 1 for never), and then `Stored` as MessagePack.

Pieces and memberships of another program are found by their codes; those that this one does not know are left out.
"""

from __future__ import annotations

import msgspec

from streams.core.segments.pieces import Bodies
from streams.core.segments.records import LAST, ZERO_MS

NEVER = (1 << 63) - 1
FOREIGN = b""  # no program: the segments were not asked since another one
_AT = 8  # bytes
Due = tuple[int, ...]
"""Places of segments in the program, and then when each is due."""


class Stored(msgspec.Struct, array_like=True, gc=False, forbid_unknown_fields=True):
    """What is kept besides `next_at`: lists as bytes, one item after the other, codes of `pieces.CODE` bytes.

    `program`: that has asked last. `members`, `since`: codes of the segments with their versions, and since when (6
    bytes each). `codes`: of the pieces in `bodies`.
    """

    program: bytes
    members: bytes
    since: bytes
    due: Due
    codes: bytes
    bodies: Bodies


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Stored)


def pack(next_at: int, stored: Stored) -> bytes:
    """The state as bytes; `next_at` in the evaluator's time."""
    at = NEVER if next_at >= LAST else next_at + ZERO_MS
    return at.to_bytes(_AT, "big", signed=True) + _encoder.encode(stored)


def unpack(packed: bytes) -> tuple[int, Stored]:
    """Read a state: `next_at`, and the rest. Raises ValueError for what is none."""
    at = int.from_bytes(packed[:_AT], "big", signed=True)
    try:
        return LAST if at == NEVER else at - ZERO_MS, _decoder.decode(packed[_AT:])
    except msgspec.MsgspecError as error:
        raise ValueError(f"{len(packed)} bytes are no state of a recipient: {error}") from error
