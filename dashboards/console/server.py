"""Serves an aiohttp application until told to stop, and says in a sentence why it cannot."""

from __future__ import annotations

import asyncio
import errno
import logging
import signal

from aiohttp import web

from schemas.errors import Misconfigured

_GRACE_S = 2.0  # live streams never end by themselves; this is how long others get to finish
_log = logging.getLogger(__name__)


async def serve(
    app: web.Application, host: str, port: int, *, watch: web.AppKey[asyncio.Task[None]] | None = None
) -> None:
    """Listen on `host`:`port` until SIGTERM, SIGINT or cancellation, then stop gracefully.

    `watch` names a task of the application without which serving makes no sense: when it fails, so does this.
    Raises Misconfigured when the address cannot be had.
    """
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_GRACE_S)
    await runner.setup()
    try:
        await _listen(runner, host, port)
        _log.info("console listens", extra={"address": runner.addresses})
        await _until_stopped(app[watch] if watch else None)
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Misconfigured(
                f"port {port} on {host} is in use; stop the other process or set MAILWEIR_CONSOLE_PORT"
            ) from None
        raise Misconfigured(
            f"cannot listen on {host}:{port} ({error.strerror or error}); check MAILWEIR_HOST and MAILWEIR_CONSOLE_PORT"
        ) from error


async def _until_stopped(vital: asyncio.Task[None] | None) -> None:
    """Return on SIGTERM or SIGINT; raise what the vital task raises."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({stopped, vital} if vital else {stopped}, return_when=asyncio.FIRST_COMPLETED)
        if vital and vital.done():
            vital.result()
    finally:
        stopped.cancel()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
