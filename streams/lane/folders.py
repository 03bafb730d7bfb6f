"""The folder that holds a partition's rows on this machine, held by one process at a time.

RocksDB takes one process per folder, and a stopped process (SIGSTOP, a paused container) keeps what it
holds while its partition already has another owner. So a partition's home has a few numbered copies, each
with a lock file beside it; an owner takes the copy written last that nobody holds, whichever process wrote
it. Copies that nobody holds any more are deleted: what they say, the changelog says too.

    <data>/<group>/<partition>/0/       RocksDB's files
    <data>/<group>/<partition>/0.lock   flock(2), gone with the process however it ends; says how far it got
    <data>/<group>/<partition>/0.bad    there once a read found the copy damaged
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
from pathlib import Path

from schemas.errors import Transient

log = logging.getLogger(__name__)
COPIES = 4  # one in use, and room for three owners that were stopped and not ended


class Folder:
    """A copy that this process holds until `release`, or its end."""

    def __init__(self, home: Path, number: int, lock: int) -> None:
        self.path = home / str(number)
        self._bad = home / f"{number}.bad"
        self._lock = lock

    def stamp(self, written_ms: int, position: int) -> None:
        """How far the copy got, for who has to choose. (File times do not tell: a late close writes, too.)"""
        os.pwrite(self._lock, b"%020d %020d\n" % (written_ms, position), 0)

    @property
    def is_condemned(self) -> bool:
        """A read found it damaged."""
        return self._bad.exists()

    def condemn(self) -> None:
        """Whoever takes it next throws it away."""
        self._bad.touch()

    def clear(self) -> None:
        """Throw away what is in it. Raises OSError."""
        _delete(self.path)
        self._bad.unlink(missing_ok=True)

    def release(self) -> None:
        """Let others take it. Safe to call again."""
        lock, self._lock = self._lock, -1
        if lock >= 0:
            os.close(lock)


def take(home: Path, copies: int = COPIES) -> Folder:
    """A copy of a partition's home for this process alone; made when there is none.

    Raises Transient when all are held by other processes, OSError when the disk refuses.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    taken: Folder | None = None
    for number in sorted(range(copies), key=lambda each: _stamp(home / f"{each}.lock"), reverse=True):
        lock = _lock(home / f"{number}.lock")
        if lock is None:
            continue
        if taken is None:
            taken = Folder(home, number, lock)
            continue
        _delete(home / str(number))
        os.close(lock)
    if taken is None:
        raise Transient(f"{home}: all {copies} copies are held by other processes; end those that hang (fuser -v)")
    return taken


def _lock(path: Path) -> int | None:
    """The locked file's descriptor, None while another process has it."""
    opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(opened)
        return None
    return opened


def _stamp(lock: Path) -> str:
    """How far a copy got; sorts by that, "" for one that was never used."""
    return lock.read_text("ascii", "replace") if lock.exists() else ""


def _delete(folder: Path) -> None:
    if folder.exists():
        log.info("%s: deleted", folder)
        shutil.rmtree(folder)
