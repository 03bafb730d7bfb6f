"""`python port_sharer.py PORT COUNT`: processes that share a port; each answers every connection with its pid.

Number 0 ends with the exit code in `FAILS`, if there is one.
"""

from __future__ import annotations

import os
import signal
import socket
import sys

from streams.gateway.processes import run_processes, shared_sockets


def serve(number: int, given: socket.socket) -> int:
    if number == 0 and "FAILS" in os.environ:
        return int(os.environ["FAILS"])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    given.listen()
    while True:
        connection, _ = given.accept()
        connection.sendall(b"%d" % os.getpid())
        connection.close()


if __name__ == "__main__":
    sys.exit(run_processes(shared_sockets("127.0.0.1", int(sys.argv[1]), int(sys.argv[2])), serve))
