"""Which files to read, in which order, after a restart or a rotation.

The file of the last position is looked for under its own name and among its rotated siblings: first by inode and
first bytes (rename), then by first bytes alone (copytruncate, compression, a move to another disk). Its rest is
read first, then what was rotated after it, then the file that is written now. What cannot be found is said.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from streams.follow.logfile import DAMAGED, LogFile
from streams.follow.position import Position

LOG = logging.getLogger(__name__)
_UNREADABLE = frozenset({".zst", ".Z", ".lz4", ".zip", ".lock", ".new", ".tmp", ".swp"})


class Start(NamedTuple):
    """A file to read, and from where."""

    path: Path
    offset: int


class _Sibling(NamedTuple):
    path: Path
    inode: int
    changed_ns: int


def plan(path: Path, position: Position | None, moved_to: Path | None = None) -> list[Start]:
    """The files to read, oldest first; the last is `path` itself, whether it is there or not.

    `moved_to`: another folder in which rotated files end.
    """
    if position is None:
        return [Start(path, 0)]
    siblings = sorted(_siblings(path, moved_to), key=lambda item: item.changed_ns)
    mine = _mine(path, siblings, position)
    if mine == path and position.head_size:
        return [Start(path, position.offset)]
    if mine is None:
        LOG.error(
            "%s: the file that was read up to byte %d is gone (cut off, deleted, or not beside this one); what may have"
            " followed in it is lost unless you read it with --once",
            path, position.offset,
        )  # fmt: skip
    if mine is None or mine == path:  # of which nothing was read yet, so a copy of it cannot be told by its bytes
        since_ns = position.saved_at * 1_000_000
        return [*(Start(item.path, 0) for item in siblings if item.changed_ns >= since_ns), Start(path, 0)]
    rest = next(item for item in siblings if item.path == mine)
    later = [Start(item.path, 0) for item in siblings if item.changed_ns >= rest.changed_ns and item is not rest]
    return [Start(mine, position.offset), *later, Start(path, 0)]


def _mine(path: Path, siblings: list[_Sibling], position: Position) -> Path | None:
    """The file of `position`: the newest that has its inode and bytes, else the newest that has its bytes."""
    candidates = [*((item.path, item.inode) for item in reversed(siblings)), (path, _inode(path))]
    same = [found for found, inode in candidates if inode == position.inode]
    others = [found for found, inode in candidates if inode != position.inode and position.head_size]
    return next((found for found in [*same, *others] if _matches(found, position)), None)


def _matches(path: Path, position: Position) -> bool:
    try:
        with closing(LogFile(path)) as file:
            return file.matches(position)
    except (OSError, *DAMAGED):  # gone, or compressed only in part yet
        return False


def _siblings(path: Path, moved_to: Path | None) -> Iterator[_Sibling]:
    """Files named like a rotated `path`: mail.log.1, mail.log-20260101.gz, acct-2026-01-01-0000.csv."""
    dated = re.compile(rf"{re.escape(path.stem)}[-.]\d[\w.-]*{re.escape(path.suffix)}(?:\.\w+)?")
    for folder in {path.parent, moved_to or path.parent}:
        for entry in folder.iterdir() if folder.is_dir() else ():
            is_named_so = entry.name.startswith((f"{path.name}.", f"{path.name}-")) or dated.fullmatch(entry.name)
            if not is_named_so or entry.suffix in _UNREADABLE:
                continue
            try:
                found = entry.stat()
            except OSError:
                continue
            if entry.is_file():
                yield _Sibling(entry, found.st_ino, found.st_mtime_ns)


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return -1
