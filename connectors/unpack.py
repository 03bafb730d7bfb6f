"""Reports come packed: gzip (RFC 1952) or zip, recognised by their first bytes, whatever name they carry.

Unpacking stops at the bound, so a small archive cannot become a large one; of a zip only the first report counts, and
only members that are stored or deflated.
"""

from __future__ import annotations

import io
import zipfile
import zlib

LARGEST_REPORT = 12 * 1024 * 1024  # bytes unpacked; some 20,000 rows
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_GZIP_BITS = 31
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_MOST_MEMBERS = 100


class TooLargeError(ValueError):
    """It unpacks to more than the bound."""


def unpacked(data: bytes, limit: int = LARGEST_REPORT) -> bytes:
    """The report inside; `data` itself where it is not packed. Raises ValueError: broken, or TooLargeError."""
    if data.startswith(_GZIP):
        found = _gunzip(data, limit)
    elif data.startswith(_ZIP):
        found = _unzip(data, limit)
    else:
        found = data
    if len(found) > limit:
        raise TooLargeError(f"the report is larger than {limit} bytes")
    return found


def _gunzip(data: bytes, limit: int) -> bytes:
    """The first member; what follows it is nobody's business."""
    unpacker = zlib.decompressobj(_GZIP_BITS)
    try:
        found = unpacker.decompress(data, limit + 1)
    except zlib.error:
        raise ValueError("the report is not valid gzip") from None
    if not unpacker.eof and len(found) <= limit:
        raise ValueError("the report is cut short")
    return found


# What `zipfile` raises for archives that are broken: BadZipFile for most, zlib.error and EOFError for the data of a
# member, NotImplementedError for versions and flags that it does not know, OverflowError for places beyond 63 bits,
# ValueError for places before the start and, as UnicodeDecodeError, for names that are no UTF-8.
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OverflowError, ValueError)


def _unzip(data: bytes, limit: int) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if (chosen := _report_in(archive)) is None:
                found = None
            else:
                with archive.open(chosen) as file:
                    found = file.read(limit + 1)
    except _BROKEN:
        raise ValueError("the report is not a valid zip archive") from None
    if found is None:
        raise ValueError("the archive holds no report that can be read")
    return found


def _report_in(archive: zipfile.ZipFile) -> zipfile.ZipInfo | None:
    """The first member that is named like a report, else the first; None where that cannot be read."""
    members = [item for item in archive.infolist()[:_MOST_MEMBERS] if not item.filename.endswith("/")]
    named = [item for item in members if item.filename.lower().endswith((".xml", ".json"))]
    chosen = next(iter(named or members), None)
    if chosen is None or chosen.compress_type not in _METHODS or chosen.flag_bits & 1:
        return None
    return chosen
