"""The product's own store as a process, for stages that need one."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import brokers
from streams.local import ports, processes

_READY_S = 30.0


@contextmanager
def started(work: Path) -> Iterator[tuple[str, int]]:
    """A store with the folder `work/store`: its address and process id. Raises CannotRunError."""
    port = ports.free_port()
    argv = [sys.executable, "-m", "streams", "store", "--data", str(work / "store"), "--port", str(port)]
    process = processes.spawn(argv, log=work / "store.log")
    try:
        deadline = time.monotonic() + _READY_S
        while not ports.answers(port):
            if time.monotonic() > deadline or process.poll() is not None:
                raise brokers.CannotRunError(f"the store did not start: {processes.last_lines(work / 'store.log')}")
            time.sleep(0.05)
        yield f"http://{ports.LOOPBACK}:{port}", process.pid
    finally:
        processes.stop(process, timeout_s=10)
