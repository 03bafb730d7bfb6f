"""The folder of one running stack: logs, store, configuration; locked while the stack runs.

A temporary workspace disappears at the end. One whose owner was killed is removed by the next run, so
that leftovers neither confuse nor pile up. The lock (flock) belongs to the process and cannot outlive it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Self, TextIO

from schemas.errors import Misconfigured

_PREFIX = "mailweir-"
_LOCK = ".lock"
_TEMPORARY = "temporary"
_STALE_S = 60.0  # younger ones may be between making the file and locking it


class Workspace:
    """A locked folder; a context manager. `folder` None: a new one under the system's temporary folder,
    deleted at the end unless `keep`.

    Raises Misconfigured when the folder cannot be written or another stack holds it.
    """

    def __init__(self, folder: Path | None = None, *, keep: bool = False) -> None:
        self.is_temporary = folder is None and not keep
        if folder is None:
            sweep(Path(tempfile.gettempdir()))
            folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self.folder = folder.absolute()
        self._lock = _locked(self.folder, kind=_TEMPORARY if self.is_temporary else "kept")

    def subfolder(self, name: str) -> Path:
        """A folder in the workspace, made when missing."""
        path = self.folder / name
        path.mkdir(exist_ok=True)
        return path

    def keep(self) -> None:
        """Leave a temporary folder in place at the end, for somebody who wants to read the logs."""
        if self.is_temporary:
            self.is_temporary = False
            _sign(self._lock, "kept")

    def close(self) -> None:
        """Release the folder; delete a temporary one."""
        if self.is_temporary:
            shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def sweep(parent: Path) -> list[Path]:
    """Remove temporary workspaces of ours whose owner has ended; the folders removed."""
    removed = []
    for folder in parent.glob(f"{_PREFIX}*"):
        if _is_abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)
            removed.append(folder)
    return removed


def _is_abandoned(folder: Path) -> bool:
    lock = folder / _LOCK
    try:
        status = lock.lstat()
        if folder.is_symlink() or status.st_uid != os.getuid() or time.time() - status.st_mtime < _STALE_S:
            return False
        with lock.open("r+") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return stream.read().startswith(_TEMPORARY)
    except OSError:
        return False


def _locked(folder: Path, *, kind: str) -> TextIO:
    """The open lock file. Its text says for whom it is and is read by the message of the next one."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / _LOCK).open("a+", encoding="utf-8")
    except (NotADirectoryError, FileExistsError):
        raise Misconfigured(f"{folder} is not a folder; choose another one for --data") from None
    except OSError as error:
        raise Misconfigured(
            f"{folder} cannot be written ({error.strerror}); change its permissions or choose another one for --data"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        owner = lock.read(100).rpartition(", ")[2].strip() or "process unknown"
        lock.close()
        raise Misconfigured(
            f"{folder} is in use by another running stack ({owner}); stop that one or choose another folder for --data"
        ) from None
    _sign(lock, kind)
    return lock


def _sign(lock: TextIO, kind: str) -> None:
    lock.truncate(0)
    lock.write(f"{kind}, process {os.getpid()}\n")
    lock.flush()
