"""A request's body under limits: its size as it comes in, and its size again once it is unpacked.

A declared length over the limit is refused before a byte is read. Content-Encoding is undone here, where a bomb is
stopped at the limit instead of after it; signatures are checked over the unpacked bytes.
"""

from __future__ import annotations

import asyncio
import zlib

from schemas.config import Limits
from schemas.errors import FailureCode, Rejected
from streams.gateway.admission import Held
from streams.gateway.http import Head

_UNPACKING_AT_ONCE = 2  # each may hold the largest unpacked body before it is counted
_ZLIB_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_RAW_DEFLATE_BITS = -15


class Body:
    """One body on its way in; what it holds is counted in `held`."""

    __slots__ = ("_chunks", "_encoding", "_held", "_limit", "_size")

    def __init__(self, head: Head, held: Held, limit: int) -> None:
        """Raises Rejected: 413 when the declared length is over `limit` bytes, 415 for an encoding we do not know."""
        self._encoding = _encoding(head)
        declared = head.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > limit:
            raise _too_large(limit)
        self._held, self._limit = held, limit
        self._size = 0
        self._chunks: list[bytes] = []

    def add(self, chunk: bytes) -> None:
        """Take a part. Raises Rejected: 413 too large, or no room for so many bytes."""
        self._size += len(chunk)
        if self._size > self._limit:
            raise _too_large(self._limit)
        self._held.grow(len(chunk))
        self._chunks.append(chunk)

    async def read(self, unpacker: Unpacker) -> bytes:
        """The complete body with content-encoding undone. Raises Rejected: 400 broken, 413 too large unpacked."""
        packed = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks = []
        if not self._encoding or not packed:
            return packed
        return await unpacker.unpack(packed, self._encoding, self._held)


class Unpacker:
    """Undoes content-encodings in threads, few at a time."""

    def __init__(self, limits: Limits) -> None:
        self._limit = limits.max_decompressed_bytes
        self._unpacking = asyncio.Semaphore(_UNPACKING_AT_ONCE)

    async def unpack(self, packed: bytes, encoding: str, held: Held) -> bytes:
        """As the function, and counts the bytes in `held`."""
        async with self._unpacking:
            body = await asyncio.to_thread(unpack, packed, encoding, self._limit)
            held.grow(len(body))
        return body


def unpack(packed: bytes, encoding: str, limit: int) -> bytes:
    """`packed` without its content-encoding (gzip or deflate); stops as soon as `limit` bytes are passed.

    Raises Rejected(BODY_TOO_LARGE) or Rejected(BAD_ENCODING).
    """
    bits = _ZLIB_BITS[encoding]
    if encoding == "deflate" and packed[0] & 0x0F != 8:  # many senders leave out RFC 1950's wrapper
        bits = _RAW_DEFLATE_BITS
    unpacker = zlib.decompressobj(bits)
    try:
        body = unpacker.decompress(packed, limit + 1)
    except zlib.error:
        raise Rejected(400, FailureCode.BAD_ENCODING, f"the body is not valid {encoding}") from None
    if len(body) > limit:
        raise _too_large(limit)
    if not unpacker.eof or unpacker.unused_data:
        raise Rejected(400, FailureCode.BAD_ENCODING, f"the body is not one complete {encoding} stream")
    return body


def _encoding(head: Head) -> str:
    encoding = head.headers.get("content-encoding", "").lower()
    if encoding in ("", "identity"):
        return ""
    if encoding not in _ZLIB_BITS:
        raise Rejected(
            415, FailureCode.BAD_ENCODING, "this content-encoding is not supported; send gzip, deflate or none"
        )
    return encoding


def _too_large(limit: int) -> Rejected:
    return Rejected(413, FailureCode.BODY_TOO_LARGE, f"the body is larger than {limit} bytes; send smaller batches")
