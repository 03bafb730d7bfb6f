"""Reading a request's body under limits: size, time, and size again once it is unpacked.

A declared length over the limit is refused before a byte is read. Content-Encoding is undone here and not
by the HTTP server, because only here is a bomb stopped at the limit instead of after it; signatures are
checked over the unpacked bytes.
"""

from __future__ import annotations

import asyncio
import zlib

from aiohttp import StreamReader, web
from aiohttp.http_exceptions import PayloadEncodingError

from schemas.config import Limits
from schemas.errors import FailureCode, Rejected
from streams.gateway.admission import Held

_UNPACKING_AT_ONCE = 2  # each may hold the largest unpacked body before it is counted
_ZLIB_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_RAW_DEFLATE_BITS = -15


class BodyReader:
    """Reads bodies for one application."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._unpacking = asyncio.Semaphore(_UNPACKING_AT_ONCE)

    async def read(self, request: web.Request, held: Held, slow_status: int) -> bytes:
        """The body's bytes with content-encoding undone.

        Raises Rejected: 413 too large, `slow_status` too slow, 415 an encoding we do not know, 400 broken.
        """
        encoding = _encoding(request)
        limit = self._limits.max_body_bytes
        if (request.content_length or 0) > limit:
            raise _too_large(limit)
        try:
            async with asyncio.timeout(self._limits.body_timeout_s):
                packed = await _read(request.content, limit, held)
        except TimeoutError:
            raise Rejected(
                slow_status,
                FailureCode.SLOW_BODY,
                f"the body did not arrive within {self._limits.body_timeout_s:g} s",
            ) from None
        except (PayloadEncodingError, ConnectionError, web.RequestPayloadError):
            raise Rejected(400, FailureCode.BAD_ENCODING, "the body ended before it was complete") from None
        if not encoding or not packed:
            return packed
        async with self._unpacking:
            body = await asyncio.to_thread(unpack, packed, encoding, self._limits.max_decompressed_bytes)
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


def _encoding(request: web.Request) -> str:
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return ""
    if encoding not in _ZLIB_BITS:
        raise Rejected(
            415, FailureCode.BAD_ENCODING, "this content-encoding is not supported; send gzip, deflate or none"
        )
    return encoding


async def _read(content: StreamReader, limit: int, held: Held) -> bytes:
    chunks = []
    size = 0
    while chunk := await content.readany():
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        held.grow(len(chunk))
        chunks.append(chunk)
    return b"".join(chunks)


def _too_large(limit: int) -> Rejected:
    return Rejected(413, FailureCode.BODY_TOO_LARGE, f"the body is larger than {limit} bytes; send smaller batches")
