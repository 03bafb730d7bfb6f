"""What a partition knows of one tenant's rules: which there are and were, and how far its rows have seen them.

A row says only by codes in which segments its recipient is. To end the memberships of a segment that is gone, its name
must be known still; and somebody must go through the rows once.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from schemas.announcements import RulesAnnounced
from streams.core.segments import row
from streams.core.segments.program import Program
from streams.core.segments.turns import Retired

_PREFIX = b"\x01rules:"  # before every recipient's key: a tenant's name begins with a letter or a digit
FIRST, LAST = _PREFIX, _PREFIX[:-1] + b";"
"""Between these are the keys of all books."""

_MOST_RETIRED = 20_000  # twice what a tenant may have; the members of those beyond leave without a word


class Book(msgspec.Struct, frozen=True):
    """`number`, `live`, `building`: of the last announcement; `at`: the clock (ms) when the rules became others, and
    `before`: `live` and `building` until then.
    `segments`: id and rule version by code. All rows up to the key `upto` have been looked at with `program`; None:
    all rows."""

    segments: dict[bytes, tuple[str, str]] = {}
    program: bytes = b""
    upto: bytes | None = None
    number: int = 0
    live: bytes = b""
    building: bytes = b""
    at: int = 0
    before: tuple[bytes, bytes] = (b"", b"")

    @property
    def retired(self) -> Retired:
        """The segments that there are or were."""
        return self.segments

    def under(self, rules: RulesAnnounced, program: Program, at: int) -> Book:
        """The book once these are the rules, and this their program, from that clock on."""
        said = msgspec.structs.replace(self, number=rules.number, live=rules.live, building=rules.building)
        if self.program == program.code:
            return said
        known: Mapping[bytes, tuple[str, str]] = {each.code: (each.id, each.version) for each in program.segments}
        old = [item for item in self.segments.items() if item[0] not in known]
        segments, upto = {**dict(old[-_MOST_RETIRED:]), **known}, b"" if self.program else None
        before = (self.live, self.building)
        return msgspec.structs.replace(said, segments=segments, program=program.code, upto=upto, at=at, before=before)


def key_of(tenant: str) -> bytes:
    """The key of a tenant's book among the rows."""
    return _PREFIX + tenant.encode()


def tenant_of(key: bytes) -> str:
    """Whose book has this key."""
    return key.removeprefix(_PREFIX).decode()


def written(book: Book, offset: int) -> bytes:
    """As a row."""
    return row.join(row.without_timer(bytes(8) + msgspec.msgpack.encode(book)), 0, offset)


def read(stored: bytes) -> Book:
    """The book that such a row is. Raises msgspec.DecodeError."""
    return msgspec.msgpack.decode(row.packed_of(stored)[8:], type=Book)
