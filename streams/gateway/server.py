"""Serving the gateway: open the port, get ready, and on SIGTERM or SIGINT end without losing a request.

The end is in order: `/readyz` says 503 (for `drain_s`, so that a load balancer sees it), no new connections,
requests in flight get their answers, the producer empties its queue.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import signal
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from aiohttp import web

from schemas.errors import Misconfigured, Transient
from schemas.topics import WEBHOOKS
from streams.gateway.app import READINESS

LOG = logging.getLogger(__name__)
_KEEPALIVE_S = 75.0  # longer than the usual 60 s of a proxy's own connections
_LINGER_S = 1.0  # how long the rest of a refused body is read and thrown away
_WARM_UP_S = 5.0
_WARM_UP_PAUSE_S = 0.5
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class WarmLog(Protocol):
    """The part of `LogProducer` that starting and ending need."""

    async def warm_up(self, timeout_s: float, topics: Sequence[str] = ()) -> None:
        """Connect so that the first send is quick. Raises Transient while that is impossible."""

    def close(self, timeout_s: float | None = None) -> int:
        """Empty the queue; how many records were left. Blocks."""


def runner(app: web.Application, *, shutdown_s: float = 20.0) -> web.AppRunner:
    """aiohttp's runner with the settings that `app` counts on.

    `auto_decompress=False`: the application unpacks bodies itself, under its limits.
    `shutdown_s`: how long requests in flight may take at the end.
    """
    return web.AppRunner(
        app,
        access_log=None,  # addresses and URLs stay out of the log; /metrics counts
        auto_decompress=False,
        keepalive_timeout=_KEEPALIVE_S,
        lingering_time=_LINGER_S,
        shutdown_timeout=shutdown_s,
    )


async def serve(
    app: web.Application,
    log: WarmLog,
    *,
    host: str,
    port: int,
    stop: asyncio.Event,
    drain_s: float = 0.0,
    listening: Callable[[int], None] = lambda _: None,
) -> None:
    """Serve until `stop` is set or a signal asks to end; then drain and close `log`.

    `listening` is called with the port once it is open (port 0 takes a free one). Raises Misconfigured
    when the address cannot be had.
    """
    served = runner(app)
    await served.setup()
    try:
        await _open(served, host, port)
        listening(int(served.addresses[0][1]))
        with _signals(stop):
            warming = asyncio.create_task(_warm_up(app, log))
            await stop.wait()
            warming.cancel()
            app[READINESS].reason = "the gateway is shutting down"
            await asyncio.sleep(drain_s)
    finally:
        await served.cleanup()
        await asyncio.to_thread(log.close)
    LOG.info("the gateway has ended; every request was answered")


async def _open(served: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(served, host, port).start()
    except OSError as error:
        raise Misconfigured(explain(error, host, port)) from None
    LOG.info("the gateway listens on %s:%d", host, served.addresses[0][1])


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


async def _warm_up(app: web.Application, log: WarmLog) -> None:
    """Not ready until the log is; says why in `/readyz`, and once in the log per reason."""
    readiness = app[READINESS]
    readiness.reason = "connecting to the log"
    while True:
        try:
            await log.warm_up(_WARM_UP_S, [WEBHOOKS.name])
        except Transient as error:
            if readiness.reason != str(error):
                LOG.warning("not ready: %s", error)
            readiness.reason = str(error)
            await asyncio.sleep(_WARM_UP_PAUSE_S)
        else:
            readiness.reason = ""
            return


@contextlib.contextmanager
def _signals(stop: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
