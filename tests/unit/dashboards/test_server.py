"""Serving: sentences for addresses that cannot be had, graceful ends."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from contextlib import closing

import aiohttp
import pytest
from aiohttp import web

from dashboards.console.server import serve
from schemas.errors import Misconfigured

VITAL: web.AppKey[asyncio.Task[None]] = web.AppKey("vital", asyncio.Task)


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_a_port_in_use_is_a_sentence_that_says_what_to_do() -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Misconfigured, match=f"port {port} on 127.0.0.1 is in use; .*MAILWEIR_CONSOLE_PORT"):
            await serve(web.Application(), "127.0.0.1", port)


async def test_an_address_of_another_machine_is_a_sentence_too() -> None:
    with pytest.raises(Misconfigured, match=r"cannot listen on 192\.0\.2\.1"):
        await serve(web.Application(), "192.0.2.1", 0)


async def test_sigterm_ends_it_gracefully() -> None:
    port, stopped = free_port(), asyncio.Event()
    app = web.Application()

    async def note(_app: web.Application) -> None:
        stopped.set()

    app.on_cleanup.append(note)
    serving = asyncio.create_task(serve(app, "127.0.0.1", port))
    async with aiohttp.ClientSession() as session, asyncio.timeout(10):
        while True:
            try:
                async with session.get(f"http://127.0.0.1:{port}/") as answer:
                    assert answer.status == 404
                    break
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.01)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(serving, 10)
    assert stopped.is_set()


async def test_a_defect_of_the_vital_task_ends_serving_with_it() -> None:
    app = web.Application()

    async def fail() -> None:
        raise LookupError("defect")

    async def start(app: web.Application) -> None:
        app[VITAL] = asyncio.create_task(fail())

    app.on_startup.append(start)
    with pytest.raises(LookupError, match="defect"):
        await asyncio.wait_for(serve(app, "127.0.0.1", 0, watch=VITAL), 10)
