"""Free ports on the loopback interface.

Ports are taken from below the range from which Linux draws the source ports of outgoing connections
(32768 and up): a service that restarts must get its port back, and a client that keeps dialling a dead
port inside that range may end up connected to itself.
"""

from __future__ import annotations

import random
import socket

from schemas.errors import Misconfigured

LOOPBACK = "127.0.0.1"
_LOWEST, _HIGHEST = 15_000, 32_000
_TRIES = 200  # 200 taken ports in a row do not happen by chance


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether `port` can be bound on `host` right now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(preferred: int = 0, *, taken: frozenset[int] = frozenset()) -> int:
    """`preferred` when it is free, else a random free port; never one of `taken`.

    Another process may take the port before it is used, so callers try again. Raises Misconfigured
    when no port is to be had.
    """
    if preferred and preferred not in taken and is_free(preferred):
        return preferred
    for _ in range(_TRIES):
        port = random.randint(_LOWEST, _HIGHEST)
        if port not in taken and is_free(port):
            return port
    raise Misconfigured(f"no free port on {LOOPBACK} between {_LOWEST} and {_HIGHEST}; end some local servers")


def answers(port: int, host: str = LOOPBACK) -> bool:
    """Whether something accepts connections there."""
    try:
        with socket.create_connection((host, port), timeout=1.0):
            return True
    except OSError:
        return False
