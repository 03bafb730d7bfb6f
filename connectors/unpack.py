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


def _unzip(data: bytes, limit: int) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [member for member in archive.infolist()[:_MOST_MEMBERS] if not member.is_dir()]
            named = [member for member in members if member.filename.lower().endswith((".xml", ".json"))]
            chosen = next(iter(named or members), None)
            if chosen is None or chosen.compress_type not in _METHODS or chosen.flag_bits & 1:
                raise ValueError("the archive holds no report that can be read")
            with archive.open(chosen) as file:
                return file.read(limit + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, UnicodeError):
        raise ValueError("the report is not a valid zip archive") from None
