"""Several gateway processes on one port of one machine.

The parent binds one socket for each process with SO_REUSEPORT (socket(7)), so that the kernel spreads connections
over them by their addresses, forks, and does nothing but wait. It keeps the sockets: what has queued up in front of
a process that died is taken by its successor. Nothing is shared between the processes but the port.

A port that somebody else has is noticed before, by binding it once without that option: a second gateway started by
mistake hears the same sentence as always and does not quietly take half of the senders.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence

from schemas.errors import Misconfigured
from streams.gateway.listener import explain

LOG = logging.getLogger(__name__)
_PAUSE_S = 1.0  # before a process that ended is started anew, so that a broken one does not eat a core
_MISCONFIGURED = 2  # the exit code after which a restart cannot help
_ENDINGS = {signal.SIGTERM, signal.SIGINT}
_AWAITED = _ENDINGS | {signal.SIGCHLD}


def shared_sockets(host: str, port: int, count: int) -> list[socket.socket]:
    """`count` sockets bound to one address (port 0: a free one). Raises Misconfigured when it cannot be had."""
    bound: list[socket.socket] = []
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
        for _ in range(count):
            shared = socket.socket(family, kind)
            bound.append(shared)
            shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            shared.bind(address)
            address = shared.getsockname()
    except OSError as error:
        for shared in bound:
            shared.close()
        raise Misconfigured(explain(error, host, port)) from None
    return bound


def run_processes(sockets: Sequence[socket.socket], serve: Callable[[int, socket.socket], int]) -> int:
    """Run `serve(number, socket)` in a process for each socket until SIGTERM or SIGINT; 0 when all ended well.

    Must be called where no other thread runs. A process that ends by itself is started again, except after exit
    code 2, which ends all. In a child this does not return: it raises SystemExit with what `serve` returns.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)  # they wait until they are asked for
    alive, parents_end = os.pipe()
    running: dict[int, int] = {}

    def start(number: int) -> None:
        pid = os.fork()
        if pid == 0:
            os.close(parents_end)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _AWAITED)
            _end_with(alive)
            raise SystemExit(serve(number, sockets[number]))
        running[pid] = number

    for number in range(len(sockets)):
        start(number)
    LOG.info("%d gateway processes share the port", len(sockets))
    while (given := signal.sigwait(_AWAITED)) not in _ENDINGS:
        for number, code in _ended(running):
            if code == _MISCONFIGURED:
                _stop(running)
                return code
            LOG.error("gateway process %d ended with %d and is started again", number, code)
            time.sleep(_PAUSE_S)
            start(number)
    LOG.info("%s: the gateway processes are told to end", signal.Signals(given).name)
    return _stop(running)


def _end_with(alive: int) -> None:
    """End this process in order when the parent's end of the pipe closes, however the parent ended."""

    def watch() -> None:
        os.read(alive, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def _ended(running: dict[int, int]) -> list[tuple[int, int]]:
    """The processes that have ended since the last look: number and exit code (of a signal: its negative)."""
    found = []
    for pid in list(running):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            found.append((running.pop(pid), os.waitstatus_to_exitcode(status)))
    return found


def _stop(running: dict[int, int]) -> int:
    """SIGTERM to all, wait for all; 0 when each ended with 0, else 1."""
    for pid in running:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in list(running)]
    running.clear()
    return int(any(codes))
