"""The loop: read whole lines, make them a body, append it, note the position; wait, and notice rotation.

The position is saved after the acknowledgement, so a kill at any moment repeats at most one batch, whose
events have the same ids again. A rotated file is read to its end once the new one has its first bytes: then the
writer has turned to it. A file cut off in place (copytruncate) is noticed by its first bytes.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from schemas.errors import Misconfigured, Transient
from streams.follow.framing import Body, Frame
from streams.follow.logfile import DAMAGED, LogFile
from streams.follow.position import Position, PositionFile
from streams.follow.rotation import Start, plan

LOG = logging.getLogger(__name__)
MOST_BYTES = 512 * 1024  # of one batch: a few thousand lines, far below what the log takes
POLL_S = 0.25  # how long a line waits at most to be seen
_PATIENCE_S = 60.0  # with --once; a service waits for the log as long as it takes
_LONGEST_PAUSE_S = 5.0


class Follower:
    """Follows one file. `append` makes a body safe and raises Transient while it cannot.

    `moved_to`: another folder in which rotated files end. `clock_ms` stamps positions.
    """

    def __init__(
        self,
        path: Path,
        positions: PositionFile,
        frame: Frame,
        append: Callable[[Body], None],
        clock_ms: Callable[[], int],
        *,
        moved_to: Path | None = None,
        most_bytes: int = MOST_BYTES,
        poll_s: float = POLL_S,
    ) -> None:
        self.path = path
        self.stop = threading.Event()
        self._positions, self._frame, self._append, self._clock_ms = positions, frame, append, clock_ms
        self._moved_to, self._most_bytes, self._poll_s = moved_to, most_bytes, poll_s
        self._last: Position | None = None

    def follow(self) -> None:
        """Until `stop` is set. Raises Misconfigured when the file may not be read, Permanent from `append`."""
        self._last = self._positions.load()
        files = deque(plan(self.path, self._last, self._moved_to))
        while not self.stop.is_set():
            start = files.popleft()
            try:
                with closing(_opened(start)) as file:
                    self._read(file, is_live=not files or (len(files) == 1 and self._is_still_empty()))
            except FileNotFoundError:  # not written yet, or renamed since it was found
                self.stop.wait(self._poll_s)
                files.clear()
            except DAMAGED as error:
                LOG.error("%s cannot be unpacked to its end (%s); its rest is lost", start.path, error)  # noqa: TRY400
            if not files:
                files.extend(plan(self.path, self._last, self._moved_to))

    def read_once(self) -> None:
        """The rest of the file, and no more. Raises Misconfigured, Transient when the log stays away."""
        self._last = self._positions.load()
        try:
            with closing(_opened(Start(self.path, 0))) as file:
                if self._last is not None and file.matches(self._last):
                    file.offset = self._last.offset
                self._frame.begin(file)
                self._drain(file, patience_s=_PATIENCE_S)
        except FileNotFoundError:
            raise Misconfigured(f"{self.path}: no such file") from None

    def _read(self, file: LogFile, *, is_live: bool) -> None:
        if not is_live and file.is_read():
            return
        LOG.info("reading %s from byte %d", file.path, file.offset)
        self._frame.begin(file)
        if not is_live:
            self._drain(file)
            return
        if self._last is None:
            self._save(file)  # from now on it is known, whatever becomes of its name
        known = file.position(0)
        while not self.stop.is_set():
            if not file.matches(known):
                LOG.info("%s was cut off at its beginning", file.path)
                return
            is_left = self._has_turned(file)  # asked before the last look, so nothing is written after it
            if lines := file.read(self._most_bytes):
                self._send(file, lines)
                known = file.position(0)
            elif is_left:
                self._drain(file)
                return
            else:
                self.stop.wait(self._poll_s)

    def _is_still_empty(self) -> bool:
        """Whether the file is new and its writer may still write to the one before (until it is told to reopen)."""
        try:
            return self.path.stat().st_size == 0
        except FileNotFoundError:
            return False

    def _has_turned(self, file: LogFile) -> bool:
        """Whether the writer writes to another file of this name by now."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return False
        return found.st_ino != file.inode and found.st_size > 0

    def _drain(self, file: LogFile, patience_s: float | None = None) -> None:
        """All there is, the last line also without its end."""
        while not self.stop.is_set() and (lines := file.read(self._most_bytes) or file.rest(self._most_bytes)):
            self._send(file, lines, patience_s)

    def _send(self, file: LogFile, lines: bytes, patience_s: float | None = None) -> None:
        """Append, then save the position. Left early only by `stop`, with nothing saved."""
        body = self._frame.body(lines)
        waited, pause = 0.0, 0.1
        while True:
            try:
                self._append(body)
                break
            except Transient as error:
                pause = min(error.retry_after_s or pause, _LONGEST_PAUSE_S)
                if patience_s is not None and waited >= patience_s:
                    raise
                LOG.warning("%s; trying again in %.1f s", error, pause)
                if self.stop.wait(pause):
                    return
                waited, pause = waited + pause, pause * 2
        self._save(file)

    def _save(self, file: LogFile) -> None:
        self._last = file.position(self._clock_ms())
        self._positions.save(self._last)


def _opened(start: Start) -> LogFile:
    try:
        return LogFile(start.path, start.offset)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Misconfigured(f"{start.path}: cannot be read ({error.strerror}); check its permissions") from None
