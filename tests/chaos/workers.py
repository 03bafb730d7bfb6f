"""Lane workers as child processes, started again when they end, as a supervisor does."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from streams.local import processes
from tests.lane_worker import TEAR, TORN

_ROOT = Path(__file__).resolve().parents[2]
_LEAVE_S = 40.0


class Workers:
    """Up to a few workers of one group. `tend` starts again what has ended; call it often."""

    def __init__(self, arguments: list[str], folder: Path) -> None:
        self._command = [sys.executable, "-m", "tests.lane_worker", *arguments]
        self._env = {**os.environ, "PYTHONPATH": str(_ROOT)}
        self._folder = folder
        self._running: list[subprocess.Popen[bytes]] = []
        self._wanted = 0
        self._started = 0
        self.ends: Counter[str] = Counter()  # why processes ended: "killed", "torn", "left", "failed"

    def want(self, number: int) -> None:
        """So many from now on; the last ones leave in an orderly way."""
        self._wanted = number
        while len(self._running) > number:
            self.leave()
        self.tend()

    def tend(self) -> None:
        for process in list(self._running):
            if process.poll() is not None:
                self._running.remove(process)
                self.ends[_why(process.returncode)] += 1
        while len(self._running) < self._wanted:
            self._started += 1
            log = self._folder / f"worker-{self._started}.log"
            self._running.append(processes.spawn(self._command, log=log, env=self._env))

    def one(self, dice: random.Random) -> subprocess.Popen[bytes]:
        """Any of those that run."""
        self.tend()
        return dice.choice(self._running)

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """kill -9, unless it has ended by itself."""
        if process.poll() is None:
            self._running.remove(process)
            processes.kill(process)
            self.ends["killed"] += 1

    def leave(self) -> None:
        """The last one ends as on SIGTERM."""
        assert processes.stop(self._running.pop(), timeout_s=_LEAVE_S), "a worker did not end on SIGTERM"
        self.ends["left"] += 1

    def tell(self, number: signal.Signals) -> None:
        """A signal to all of them."""
        for process in self._running:
            process.send_signal(number)

    def close(self) -> None:
        for process in self._running:
            process.send_signal(signal.SIGCONT)
            processes.kill(process)
        self._running.clear()

    def __len__(self) -> int:
        return len(self._running)


def _why(code: int) -> str:
    if code == TORN:
        return "torn"
    return "killed" if code == -TEAR else "failed"  # told to tear before it had learnt what that means
