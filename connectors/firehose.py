"""Amazon Data Firehose posting to an HTTP endpoint: records in base64, an answer with the request's id.

A record's bytes are what was put into the stream: JSON, several of them on lines of their own, or the same
packed with gzip. Unpacking is bounded, since a few kilobytes of gzip can hold gigabytes: what is over a bound
is kept as it came and reported.
Source: "HTTP endpoint delivery request and response specifications", Amazon Data Firehose Developer Guide.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from connectors.base import Request
from connectors.values import decode, mapping

ACCESS_KEY = "x-amz-firehose-access-key"
REQUEST_ID = "x-amz-firehose-request-id"
MOST_UNPACKED = 20 * 1024 * 1024  # bytes out of all gzip of one request; what the gateway lets a packed body hold
MOST_DOCUMENTS = 50_000  # of one request; Firehose sends 10,000 records at most, nearly always of one event each
_GZIP = b"\x1f\x8b"
_GZIP_BITS = 31
_MOST_MEMBERS = 64  # gzip streams one after another in one record


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record (or, beyond the bounds, the rest of them) that holds no documents, and why."""

    item: Any
    reason: str


@dataclass(slots=True)
class _Left:
    """What may still be unpacked and split off."""

    unpacked: int = MOST_UNPACKED
    documents: int = MOST_DOCUMENTS


def reply(request: Request) -> bytes:
    """The only body that Firehose takes for "delivered", with status 200."""
    answer = {"requestId": request.headers.get(REQUEST_ID, ""), "timestamp": request.received_at}
    return msgspec.json.encode(answer)


def documents(records: list[Any]) -> Iterator[bytes | Unreadable]:
    """The documents of all records in order, none for an empty record; never raises."""
    left = _Left()
    for number, record in enumerate(records):
        if left.documents <= 0:
            yield Unreadable(records[number:], f"more than {MOST_DOCUMENTS} documents in one request")
            return
        found = _content(record, left)
        if isinstance(found, Unreadable):
            left.documents -= 1
            yield found
        else:
            yield from _split(found, left)


def _content(record: Any, left: _Left) -> bytes | Unreadable:
    """The record's bytes, unpacked."""
    data = mapping(record).get("data")
    if type(data) is not str:
        return Unreadable(record, "expected a record with `data` in base64")
    try:
        content = base64.b64decode(data, validate=True)
    except (ValueError, binascii.Error):
        return Unreadable(record, "`data` is no base64")
    if not content.startswith(_GZIP):
        return content
    unpacked, inflated = _unpacked(content, left.unpacked)
    left.unpacked = max(0, left.unpacked - inflated)  # also of those that fail: many must not cost more than one
    if unpacked is None:
        return Unreadable(record, f"broken gzip, or more than {MOST_UNPACKED} bytes unpacked in one request")
    return unpacked


def _unpacked(packed: bytes, limit: int) -> tuple[bytes | None, int]:
    """The content of one or several gzip members (RFC 1952), None if they are broken or hold more than `limit`.

    And how many bytes came out, fit or not.
    """
    found = bytearray()
    for _ in range(_MOST_MEMBERS):
        member = zlib.decompressobj(_GZIP_BITS)
        try:
            found += member.decompress(packed, limit - len(found) + 1)
        except zlib.error:
            return None, len(found)
        if len(found) > limit or not member.eof:
            return None, len(found)
        packed = member.unused_data
        if not packed:
            return bytes(found), len(found)
    return None, len(found)


def _split(content: bytes, left: _Left) -> Iterator[bytes]:
    """One document, or one per line; beyond the bound the rest stays one piece, which nobody can read."""
    content = content.strip()
    lines = [content] if b"\n" not in content or _is_json(content) else content.split(b"\n", left.documents)
    for line in lines:
        if document := line.strip():
            left.documents -= 1
            yield document


def _is_json(content: bytes) -> bool:
    try:
        decode(content)
    except ValueError:
        return False
    return True
