"""Packed reports: whatever an archive says of itself, there is a report or a ValueError."""

from __future__ import annotations

import struct
import zlib

import pytest

from connectors.unpack import unpacked

REPORT = b"<feedback/>"


def archive(name: bytes, at: int) -> bytes:
    """A zip with one stored member, which its directory says (in ZIP64) begins at byte `at`."""
    crc, size = zlib.crc32(REPORT), len(REPORT)
    member = struct.pack("<4s5H3L2H", b"PK\3\4", 45, 0, 0, 0, 0, crc, size, size, len(name), 0) + name + REPORT
    extra = struct.pack("<HHQ", 1, 8, at)
    directory = (
        struct.pack(
            "<4s6H3L5H2L", b"PK\1\2", 45, 45, 0, 0, 0, 0, crc, size, size, len(name), len(extra), 0, 0, 0, 0, 0xFFFFFFFF
        )
        + name
        + extra
    )
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(directory), len(member), 0)
    return member + directory + end


@pytest.mark.parametrize("name", [b"report.xml", b""])
def test_the_member_of_an_archive_is_the_report_even_without_a_name(name: bytes) -> None:
    assert unpacked(archive(name, 0)) == REPORT


@pytest.mark.parametrize("at", [5, 2**40, 2**63, 2**64 - 1])
def test_an_archive_that_points_to_nowhere_is_refused_in_words(at: int) -> None:
    with pytest.raises(ValueError, match="not a valid zip archive"):
        unpacked(archive(b"report.xml", at))
