"""The gateway's port: opens it, keeps its connections in bounds, closes it without losing an answer."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable

from schemas.errors import Misconfigured
from streams.gateway.connection import Application, Connection, Shared
from streams.gateway.http import Dates

LOG = logging.getLogger(__name__)
_BACKLOG = 1024  # connections that wait while the loop is busy; the kernel may allow fewer
_KEEPALIVE_S = 75.0  # longer than the usual 60 s of a proxy's own connections
_SWEEP_S = 5.0


class Listener:
    """Serves one application on one or more addresses of this process. For one event loop."""

    def __init__(self, app: Application, *, receive_s: float, clock_ms: Callable[[], int]) -> None:
        """`receive_s`: how long one request may take to arrive; `clock_ms` for the Date of answers."""
        self._shared = Shared(app=app, dates=Dates(clock_ms), receive_s=receive_s, loop=asyncio.get_running_loop())
        self._servers: list[asyncio.Server] = []
        self._sweeping: asyncio.Task[None] | None = None

    async def open(self, given: socket.socket | tuple[str, int]) -> int:
        """Listen on a socket that is bound already, or on host and port (0: a free one); the port.

        Raises Misconfigured when the address cannot be had.
        """
        loop = self._shared.loop
        if isinstance(given, socket.socket):
            server = await loop.create_server(self._connection, sock=given, backlog=_BACKLOG)
        else:
            host, port = given
            try:
                server = await loop.create_server(self._connection, host, port, backlog=_BACKLOG)
            except OSError as error:
                raise Misconfigured(explain(error, host, port)) from None
        self._servers.append(server)
        self._sweeping = self._sweeping or loop.create_task(self._sweep())
        host, port = server.sockets[0].getsockname()[:2]
        LOG.info("the gateway listens on %s:%d", host, port)
        return int(port)

    async def close(self, within_s: float) -> None:
        """Take no new connections, let requests under way finish, at most `within_s`; then hang up."""
        shared = self._shared
        for server in self._servers:
            server.close()
        if self._sweeping is not None:
            self._sweeping.cancel()
        emptied = asyncio.Event()
        shared.is_closing, shared.emptied = True, emptied.set
        for connection in list(shared.connections):
            connection.close_if_idle()
        if shared.connections:
            try:
                async with asyncio.timeout(within_s):
                    await emptied.wait()
            except TimeoutError:
                LOG.warning("%d requests did not end within %g s and are cut off", len(shared.connections), within_s)
                for connection in list(shared.connections):
                    connection.abort()

    def _connection(self) -> Connection:
        return Connection(self._shared)

    async def _sweep(self) -> None:
        """Close connections that nobody has used for long. One walk now and then is cheaper than a timer each."""
        while True:
            await asyncio.sleep(_SWEEP_S)
            for connection in list(self._shared.connections):
                connection.close_if_idle(_KEEPALIVE_S)


def explain(error: OSError, host: str, port: int) -> str:
    """Why the address could not be had, and what to change."""
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} on {host} is in use, so the gateway cannot open it: stop the process that has it"
            " or set MAILWEIR_GATEWAY_PORT to another port"
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"the gateway may not open port {port} on {host}: set MAILWEIR_GATEWAY_PORT to one above 1023"
    return f"the gateway cannot listen on {host}:{port} ({error.strerror or error}); check MAILWEIR_HOST"
