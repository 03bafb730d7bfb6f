"""A store process for tests: started on a free port, ended with the test."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from clickhouse_connect.driver.client import Client

from schemas.errors import Transient
from sinks.clickhouse import connect

ROOT = Path(__file__).resolve().parents[2]
_CODE = (
    "import sys; from pathlib import Path; from sinks.store.serve import run_store;"
    "run_store(Path(sys.argv[1]), '127.0.0.1', int(sys.argv[2]), sys.argv[3])"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class StoreProcess:
    """`mailweir store` without the command line. `kill` and `start` as often as the test likes."""

    def __init__(self, path: Path, password: str = "") -> None:
        self.path = path
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.password = password
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Client:
        """Start it and wait until it answers; a client."""
        arguments = [sys.executable, "-c", _CODE, str(self.path), str(self.port), self.password]
        self._process = subprocess.Popen(arguments, cwd=ROOT)
        deadline = time.monotonic() + 60
        while True:
            try:
                return connect(self.url, password=self.password)
            except Transient:
                assert self._process.poll() is None, "the store ended at its start"
                assert time.monotonic() < deadline, "the store does not answer"
                time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        assert self._process
        self._process.kill()
        self._process.wait(30)

    def freeze(self) -> None:
        """SIGSTOP: connections are taken, nothing is answered."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self._process
        self._process.terminate()
        return self._process.wait(30)
