"""What a partition knows of one tenant's rules: which there are and were, and how far its rows have seen them.

A row says only by codes in which segments its recipient is. To end the memberships of a segment that is gone, its name
must be known still; and somebody must go through the rows once.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from schemas.announcements import RulesAnnounced
from streams.core.journeys.flows import Flows
from streams.core.segments import row
from streams.core.segments.program import Program
from streams.core.segments.turns import Retired

_PREFIX = b"\x01rules:"  # before every recipient's key: a tenant's name begins with a letter or a digit
FIRST, LAST = _PREFIX, _PREFIX[:-1] + b";"
"""Between these are the keys of all books."""

_MOST_RETIRED = 20_000  # twice what a tenant may have; the members of those beyond leave without a word


class Book(msgspec.Struct, frozen=True):
    """`number`, `live`, `building`, `journeys`, `earlier`: of the last announcement; `at`: the clock (ms) when the
    rules became others, and `before`: the last four until then.
    `segments`: id and rule version by code. All rows up to the key `upto` have been looked at with the rules whose code
    is `program`; None: all rows."""

    segments: dict[bytes, tuple[str, str]] = {}
    program: bytes = b""
    upto: bytes | None = None
    number: int = 0
    live: bytes = b""
    building: bytes = b""
    journeys: bytes = b""
    earlier: bytes = b""
    at: int = 0
    before: tuple[bytes, bytes, bytes, bytes] = (b"", b"", b"", b"")

    @property
    def retired(self) -> Retired:
        """The segments that there are or were."""
        return self.segments

    def under(self, rules: RulesAnnounced, program: Program, flows: Flows, at: int) -> Book:
        """The book once these are the rules, and this is what they became, from that clock on."""
        said = msgspec.structs.replace(
            self, number=rules.number, live=rules.live, building=rules.building, journeys=rules.journeys,
            earlier=rules.earlier,
        )  # fmt: skip
        code = program.code + flows.code
        if self.program == code:
            return said
        known: Mapping[bytes, tuple[str, str]] = {each.code: (each.id, each.version) for each in program.segments}
        old = [item for item in self.segments.items() if item[0] not in known]
        segments, upto = {**dict(old[-_MOST_RETIRED:]), **known}, b"" if self.program else None
        before = (self.live, self.building, self.journeys, self.earlier)
        return msgspec.structs.replace(said, segments=segments, program=code, upto=upto, at=at, before=before)


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
    return msgspec.msgpack.decode(row.parts_of(stored).packed[8:], type=Book)
