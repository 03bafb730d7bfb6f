"""What is kept of a recipient, as bytes: records of one length, sorted by time and event id.

Nothing is decoded to be used: the k-th latest is a slice, a time is six bytes of it, adding is a search and a join. So
opening a recipient costs as good as nothing, and what was not touched is stored as it was. A record begins with a
stamp: six bytes of time, six of the event id. Times inside the evaluator are milliseconds since
`ZERO_MS`, never negative.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

ZERO_MS = -(1 << 46)  # before the year -260; 48 bits last until 6689
LAST = (1 << 48) - 1
TIME, STAMP = 6, 12  # bytes
MOST_RECORDS = 2_500  # of one kind: what does more is no person; 26 bytes each fit into a length of 16 bits


def inside(at_ms: int) -> int:
    """A time in ms since 1970 as the evaluator counts it; what 48 bits cannot hold is moved to their end."""
    at = at_ms - ZERO_MS
    return at if 0 <= at <= LAST else min(max(at, 0), LAST)


def stamp(at: int, event_id: str) -> bytes:
    """The beginning of an event's records; `at` as `inside` gives it."""
    return at.to_bytes(TIME, "big") + ident(event_id)


def ident(event_id: str) -> bytes:
    """48 bits of an event id, in the same order: the first and the last three bytes of a hash; others are hashed."""
    if len(event_id) >= STAMP:
        try:
            found = bytes.fromhex(event_id[:6] + event_id[-6:])
            if len(found) == STAMP - TIME:
                return found
        except ValueError:
            pass
    return short(event_id.encode("utf-8", "surrogatepass"), STAMP - TIME)


def short(data: bytes, size: int) -> bytes:
    """So many bytes that stand for the data, never only zeros: these mean none."""
    found = hashlib.blake2b(data, digest_size=size).digest()
    return found if any(found) else b"\1" * size


def time_at(body: bytes, place: int) -> int:
    """The time that begins at that byte."""
    return int.from_bytes(body[place : place + TIME], "big")


def upto(body: bytes, size: int, at: int) -> int:
    """How many of the records have a time up to `at`, inclusive."""
    count = len(body) // size
    if at < 0 or not count:
        return 0
    if at >= int.from_bytes(body[-size : TIME - size], "big"):
        return count
    return _rank(body, size, count, min(at, LAST).to_bytes(TIME, "big"))


def _rank(body: bytes, size: int, count: int, key: bytes) -> int:
    """How many of the records begin with at most the key."""
    low, high, length = 0, count, len(key)
    while low < high:
        middle = (low + high) // 2
        place = middle * size
        if body[place : place + length] <= key:
            low = middle + 1
        else:
            high = middle
    return low


def find(body: bytes, size: int, part: bytes, offset: int) -> int:
    """The place of the record that has the part at that offset, in bytes; -1 for none."""
    place = body.find(part)
    while place >= 0:
        if place % size == offset:
            return place - offset
        place = body.find(part, place + 1)
    return -1


def added(body: bytes, size: int, record: bytes) -> bytes | None:
    """With the record in its place; None if there is one with its event id."""
    if not body:
        return record
    if find(body, size, record[TIME:STAMP], TIME) >= 0:
        return None
    return inserted(body, size, record)


def inserted(body: bytes, size: int, record: bytes) -> bytes:
    """With the record in its place, whether there is such a one or not."""
    key = record[:STAMP]
    if body[-size:][:STAMP] <= key:
        return body + record
    place = _rank(body, size, len(body) // size, key) * size
    return body[:place] + record + body[place:]


def without(body: bytes, size: int, event_ident: bytes) -> bytes:
    """Without the record of that event."""
    place = find(body, size, event_ident, TIME)
    return body if place < 0 else body[:place] + body[place + size :]


def each(body: bytes, size: int) -> Iterator[bytes]:
    """The records in order."""
    return (body[place : place + size] for place in range(0, len(body), size))
