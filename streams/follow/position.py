"""How far a file has been read: written after the broker's acknowledgement, whole or not at all.

A file is known by its inode and by a hash of its first bytes: a renamed file keeps both, a copy (copytruncate) or a
compressed one keeps the bytes, and a new file that got an old inode has other bytes. What is written first goes
to a file of its own, which then takes the place of the old one (rename(2) is atomic), so a kill leaves either.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import msgspec

from schemas.errors import Misconfigured
from schemas.identity import digest

HEAD_BYTES = 1024  # enough to hold a header line and the first record, whose time no other file has


class Position(msgspec.Struct, frozen=True):
    """`offset` bytes of the file are safe in the log. `head`: a hash of its first `head_size` bytes."""

    inode: int
    offset: int
    head_size: int
    head: str
    saved_at: int = 0  # milliseconds since the epoch


class PositionFile:
    """The position of one source in one file; a context manager that keeps a second follower away."""

    def __init__(self, folder: Path, source: str, path: Path) -> None:
        name = f"{source}-{digest(str(path))[:12]}"
        self.path = folder / f"{name}.json"
        self._lock_path = folder / f"{name}.lock"
        self._lock: IO[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = self._lock_path.open("wb")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._close()
            raise Misconfigured(f"{self._lock_path}: another `mailweir follow` reads this file already") from None
        except OSError as error:
            self._close()
            raise Misconfigured(
                f"{self.path.parent}: cannot be written ({error.strerror}); see MAILWEIR_DATA"
            ) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close()

    def load(self) -> Position | None:
        """The position that was saved last, None if there is none. Raises Misconfigured if it is damaged."""
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=Position)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            raise Misconfigured(
                f"{self.path}: no readable position ({error}); delete it to read the log from its beginning"
                " (what was read before is recognised by its ids)"
            ) from None

    def save(self, position: Position) -> None:
        """Put `position` in the place of the old one, on the disk before this returns."""
        new = self.path.with_suffix(".new")
        with new.open("wb") as file:
            file.write(msgspec.json.encode(position))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path)

    def _close(self) -> None:
        if self._lock is not None:
            with contextlib.suppress(OSError):
                self._lock.close()
            self._lock = None
