"""A log file, who writes and rotates it, and a follower that never waits: whenever it would, the next step is taken."""

from __future__ import annotations

import gzip
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

from schemas.errors import Transient
from streams.follow.follower import Follower
from streams.follow.framing import Body, Frame, Lines
from streams.follow.position import PositionFile

NOW_MS = 0  # so that every rotated file counts as changed since
Step = Callable[[], object]


class Steps(threading.Event):
    """Stands for the wait of a follower: takes the next step instead, and tells it to stop after the last."""

    def __init__(self, steps: tuple[Step, ...]) -> None:
        super().__init__()
        self._steps = list(steps)

    def wait(self, timeout: float | None = None) -> bool:
        if self._steps:
            self._steps.pop(0)()
        else:
            self.set()
        return self.is_set()


class Followed:
    """`file` is followed; `bodies` is what was appended by all followers so far."""

    def __init__(self, folder: Path, name: str = "mail.log") -> None:
        self.folder = folder
        self.file = folder / name
        self.bodies: list[Body] = []
        self._rotations = 0
        self.failures = 0  # how many of the next appends fail
        self.dies_after: int | None = None  # how many appends until the process is gone, its position unsaved

    def follow(
        self, *steps: Step, frame: Frame | None = None, moved_to: Path | None = None, most_bytes: int = 1000
    ) -> None:
        """Follow until all steps are taken and everything is read, or the process dies."""
        with PositionFile(self.folder / "data", "own", self.file) as positions:
            follower = Follower(
                self.file,
                positions,
                frame or Lines(),
                self.append,
                lambda: NOW_MS,
                moved_to=moved_to,
                most_bytes=most_bytes,
            )
            follower.stop = taken = Steps(steps)
            try:
                follower.follow()
            except KilledError:
                self.dies_after = None
                while not taken.is_set():  # the world goes on without it
                    taken.wait()

    def once(self, frame: Frame | None = None) -> None:
        """`--once`."""
        with PositionFile(self.folder / "data", "own", self.file) as positions:
            Follower(self.file, positions, frame or Lines(), self.append, lambda: NOW_MS).read_once()

    def write(self, text: str, name: str = "") -> Step:
        """A step: the writer, who opens the file by its name each time."""

        def step() -> None:
            with (self.folder / (name or self.file.name)).open("a") as file:
                file.write(text)

        return step

    def rename(self, to: str) -> Step:
        return lambda: self._date(self.file.rename(self.folder / to))

    def copy_and_truncate(self, to: str) -> Step:
        def step() -> None:
            self._date(Path(shutil.copy(self.file, self.folder / to)))
            with self.file.open("r+b") as file:
                file.truncate(0)

        return step

    def compress(self, name: str, missing: int = 0) -> Step:
        """A step: gzip, without the last bytes if some are `missing`."""

        def step() -> None:
            path = self.folder / name
            packed = gzip.compress(path.read_bytes())
            Path(f"{path}.gz").write_bytes(packed[: len(packed) - missing])
            shutil.copystat(path, f"{path}.gz")
            path.unlink()

        return step

    def _date(self, rotated: Path) -> None:
        """Rotations follow each other faster here than file systems can tell times apart."""
        self._rotations += 1
        os.utime(rotated, ns=(0, rotated.stat().st_mtime_ns + self._rotations * 10_000_000))

    def append(self, body: Body) -> None:
        if self.failures:
            self.failures -= 1
            raise Transient("the log is away", 1.0)
        self.bodies.append(body)
        if self.dies_after is not None:
            self.dies_after -= 1
            if self.dies_after <= 0:
                raise KilledError

    @property
    def text(self) -> str:
        """All that was appended."""
        return b"".join(body.data for body in self.bodies).decode()


class KilledError(BaseException):
    """The process ends here and now."""


def together(*steps: Step) -> Step:
    """Steps that the follower sees as one, as if it had slept through them."""

    def step() -> None:
        for one in steps:
            one()

    return step
