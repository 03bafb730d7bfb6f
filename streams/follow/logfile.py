"""An open log file, read in whole lines from where reading stopped.

Stays open over a rename, so what the writer still adds to a rotated file is read too. Files that logrotate has
compressed are read by their suffix. Blocks for the disk only; raises OSError as the file system does.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import IO, Any

from streams.follow.position import HEAD_BYTES, Position

OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
DAMAGED = (EOFError, gzip.BadGzipFile, lzma.LZMAError, zlib.error)  # raised while reading, also by the constructor
_LONGEST_FIRST_LINE = 64 * 1024


class LogFile:
    """One file from `offset` on. `offset` counts uncompressed bytes that `read` has given out."""

    def __init__(self, path: Path, offset: int = 0) -> None:
        self.path = path
        self.offset = offset
        self.is_compressed = path.suffix in OPENERS
        self._head = b""  # of a compressed file, in which going back means unpacking it again
        if self.is_compressed:
            with closing(OPENERS[path.suffix](path, "rb")) as again:
                self._head = again.read(HEAD_BYTES)
        self._file: IO[bytes] = OPENERS[path.suffix](path, "rb") if self.is_compressed else path.open("rb")

    def read(self, limit: int) -> bytes:
        """Whole lines, at most `limit` bytes; b"" while there is none. A longer line comes in pieces."""
        found = self._at(self.offset, limit)
        end = found.rfind(b"\n") + 1
        if not end and len(found) == limit:
            end = limit
        self.offset += end
        return found[:end]

    def rest(self, limit: int) -> bytes:
        """What `read` held back for want of a line end, once nothing more can come."""
        found = self._at(self.offset, limit)
        self.offset += len(found)
        return found

    def before(self, size: int) -> bytes:
        """Up to `size` bytes before the offset, beginning with a whole line."""
        start = max(0, self.offset - size)
        found = self._at(start, self.offset - start)
        return found if not start else found[found.find(b"\n") + 1 :]

    def first_line(self) -> bytes:
        """The first line with its end; b"" if it has none yet."""
        found = self._at(0, _LONGEST_FIRST_LINE)
        return found[: found.find(b"\n") + 1]

    def position(self, now_ms: int) -> Position:
        """Where reading stands."""
        head = self._first(min(self.offset, HEAD_BYTES))
        inode = os.fstat(self._file.fileno()).st_ino
        return Position(inode, self.offset, len(head), hash_of(head), now_ms)

    def matches(self, position: Position) -> bool:
        """Whether this is the file of `position` or a copy of it, with at least as many bytes."""
        if not self.is_compressed and self.size < position.offset:
            return False
        return hash_of(self._first(position.head_size)) == position.head

    def is_read(self) -> bool:
        """Whether there is nothing after the offset, as far as can be told without reading."""
        return not self.is_compressed and self.size <= self.offset

    @property
    def inode(self) -> int:
        """The file's inode."""
        return os.fstat(self._file.fileno()).st_ino

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return os.fstat(self._file.fileno()).st_size

    def close(self) -> None:
        """Close it."""
        self._file.close()

    def _first(self, size: int) -> bytes:
        return self._head[:size] if self.is_compressed else self._at(0, size)

    def _at(self, offset: int, size: int) -> bytes:
        if size <= 0:
            return b""
        self._file.seek(offset)
        return self._file.read(size)


def hash_of(head: bytes) -> str:
    """The hash by which a file's first bytes are known."""
    return hashlib.sha256(head).hexdigest()
