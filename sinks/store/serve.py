"""The store's process: bind, open the folder, serve until SIGTERM or SIGINT, close cleanly."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from schemas.errors import Misconfigured
from sinks.store.app import StoreApp
from sinks.store.engine import DEFAULT_LIMITS, Engine, EngineLimits

SHUTDOWN_S = 5.0  # for statements in flight; the sink repeats what is cut short
_LOG = logging.getLogger(__name__)


def run_store(path: Path, host: str, port: int, password: str = "", limits: EngineLimits = DEFAULT_LIMITS) -> None:
    """Serve the folder until SIGTERM or SIGINT.

    Raises Misconfigured: port in use, folder that cannot be written or is open elsewhere.
    """
    asyncio.run(_until_signal(path, host, port, password, limits))


@asynccontextmanager
async def serve(
    path: Path,
    host: str,
    port: int,
    password: str = "",
    limits: EngineLimits = DEFAULT_LIMITS,
) -> AsyncIterator[int]:
    """A running store inside the caller's event loop; gives the port (useful when it was 0)."""
    _check_folder(path)
    listener = _bind(host, port)
    engine = Engine(path, limits)
    try:
        await engine.open()
    except Misconfigured:
        listener.close()
        raise
    app = StoreApp(engine, password=password, is_loopback=_is_loopback(host)).app()
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        bound = listener.getsockname()[1]
        _LOG.info("store: %s at http://%s:%d", path, host, bound)
        yield bound
    finally:
        await runner.cleanup()
        await engine.close()


async def _until_signal(path: Path, host: str, port: int, password: str, limits: EngineLimits) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with serve(path, host, port, password, limits):
        await ended.wait()
        _LOG.info("store: stopping")


def _check_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(
            f"{path}: the store's folder cannot be made ({error.strerror}); choose another with MAILWEIR_DATA"
        ) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise Misconfigured(f"{path}: the store's folder cannot be written; mend its permissions or set MAILWEIR_DATA")


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        reason = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
        raise Misconfigured(
            f"{host}:{port} {reason}; stop what holds it or choose another with MAILWEIR_STORE_PORT and MAILWEIR_HOST"
        ) from error
    return listener


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
