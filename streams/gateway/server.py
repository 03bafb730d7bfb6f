"""Serving the gateway: open the port, get ready, and on SIGTERM or SIGINT end without losing a request.

The end is in order: `/readyz` says 503 (for `drain_s`, so that a load balancer sees it), no new connections,
requests in flight get their answers, the producer empties its queue.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from schemas.errors import Transient
from schemas.topics import WEBHOOKS
from streams.gateway.app import Gateway
from streams.gateway.connection import Application
from streams.gateway.listener import Listener

LOG = logging.getLogger(__name__)
_SHUTDOWN_S = 20.0  # how long requests in flight may take at the end; supervisors kill after 30
_WARM_UP_S = 5.0
_WARM_UP_PAUSE_S = 0.5
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class WarmLog(Protocol):
    """The part of `LogProducer` that starting and ending need."""

    async def warm_up(self, timeout_s: float, topics: Sequence[str] = ()) -> None:
        """Connect so that the first send is quick. Raises Transient while that is impossible."""

    def close(self, timeout_s: float | None = None) -> int:
        """Empty the queue; how many records were left. Blocks."""


def listener(app: Gateway, serves: Application | None = None) -> Listener:
    """A listener with the bounds of `app`, for all of it or a part."""
    return Listener(serves or app, receive_s=app.means.receive_s, clock_ms=app.means.clock_ms)


async def serve(
    app: Gateway,
    log: WarmLog,
    *,
    address: socket.socket | tuple[str, int],
    stop: asyncio.Event,
    pages: tuple[str, int] | None = None,
    drain_s: float = 0.0,
    listening: Callable[[int], None] = lambda _: None,
) -> None:
    """Serve until `stop` is set or a signal asks to end; then drain and close `app` and `log`.

    `address`: host and port, or a socket that is bound already. `pages`: a second address of this process alone,
    for its health and metrics. `listening` is called with the port once it is open (port 0 takes a free one).
    Raises Misconfigured when an address cannot be had.
    """
    served, own = listener(app), listener(app, app.pages)
    try:
        port = await served.open(address)
        if pages is not None:
            await own.open(pages)
        listening(port)
        with _signals(stop):
            warming = asyncio.create_task(_warm_up(app, log))
            await stop.wait()
            warming.cancel()
            app.pages.unready = "the gateway is shutting down"
            await asyncio.sleep(drain_s)
    finally:
        await served.close(_SHUTDOWN_S)
        await own.close(0.0)
        await asyncio.to_thread(log.close)
    LOG.info("the gateway has ended; every request was answered")


async def _warm_up(app: Gateway, log: WarmLog) -> None:
    """Not ready until the log is; says why in `/readyz`, and once in the log per reason."""
    app.pages.unready = "connecting to the log"
    while True:
        try:
            await log.warm_up(_WARM_UP_S, [WEBHOOKS.name])
        except Transient as error:
            if app.pages.unready != str(error):
                LOG.warning("not ready: %s", error)
            app.pages.unready = str(error)
            await asyncio.sleep(_WARM_UP_PAUSE_S)
        else:
            gc.collect()
            gc.freeze()  # what is here now stays; looking through it again and again would delay answers
            app.pages.unready = ""
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
