"""Several processes on one port: spread, replaced, ended together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from schemas.errors import Misconfigured
from streams.gateway.processes import shared_sockets
from streams.local import ports, processes

DEADLINE_S = 20.0
SCRIPT = str(Path(__file__).parent / "port_sharer.py")


@contextmanager
def sharing(port: int, count: int, folder: Path, **environ: str) -> Iterator[subprocess.Popen[bytes]]:
    argv = [sys.executable, SCRIPT, str(port), str(count)]
    process = processes.spawn(
        argv, log=folder / "log", env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | environ
    )
    try:
        yield process
    finally:
        processes.kill(process)


def answering(port: int) -> int:
    """The pid of whoever answers, 0 when nobody does."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            return int(connection.recv(20) or b"0")
    except OSError:
        return 0


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)


def both(port: int, found: set[int]) -> set[int]:
    """Ask until two different processes have answered beside those in `found`."""
    new: set[int] = set()

    def has_two() -> bool:
        new.update({answering(port)} - {0} - found)
        return len(new) >= 2

    until(has_two, "two processes to answer")
    return new


def is_alive(pid: int) -> bool:
    path = Path(f"/proc/{pid}/stat")
    try:
        return path.read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_connections_are_spread_and_sigterm_ends_all_with_0(tmp_path: Path) -> None:
    port = ports.free_port()
    with sharing(port, 2, tmp_path) as parent:
        pids = both(port, set())
        assert parent.pid not in pids
        parent.terminate()
        assert parent.wait(DEADLINE_S) == 0
        assert not any(is_alive(pid) for pid in pids)
        assert answering(port) == 0


def test_a_process_that_is_killed_is_replaced_while_the_other_goes_on(tmp_path: Path) -> None:
    port = ports.free_port()
    with sharing(port, 2, tmp_path):
        killed, other = both(port, set())
        os.kill(killed, signal.SIGKILL)
        until(lambda: answering(port) not in {0, killed, other}, "a new process")
        assert is_alive(other)


def test_when_the_parent_is_killed_its_processes_end(tmp_path: Path) -> None:
    port = ports.free_port()
    with sharing(port, 2, tmp_path) as parent:
        pids = both(port, set())
        parent.kill()
        until(lambda: not any(is_alive(pid) for pid in pids), "the processes to end")


def test_a_configuration_that_one_process_finds_wrong_ends_all_with_2(tmp_path: Path) -> None:
    with sharing(ports.free_port(), 3, tmp_path, FAILS="2") as parent:
        assert parent.wait(DEADLINE_S) == 2


def test_a_port_that_others_share_already_is_in_use_for_a_second_gateway() -> None:
    first = shared_sockets("127.0.0.1", 0, 2)
    try:
        port = first[0].getsockname()[1]
        assert [found.getsockname()[1] for found in first] == [port, port]
        first[0].listen()
        with pytest.raises(Misconfigured, match=rf"port {port} on 127.0.0.1 is in use.*MAILWEIR_GATEWAY_PORT"):
            shared_sockets("127.0.0.1", port, 2)
    finally:
        for found in first:
            found.close()


def test_an_address_that_is_not_ours_is_explained() -> None:
    with pytest.raises(Misconfigured, match="MAILWEIR_HOST"):
        shared_sockets("192.0.2.1", 0, 2)
