"""Opening the port, getting ready, and ending in order."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from schemas.avro import Codec
from schemas.errors import Misconfigured, Transient
from streams.gateway.app import build_app
from streams.gateway.certificates import HttpCertificates
from streams.gateway.listener import explain
from streams.gateway.server import serve
from tests.unit.streams.gateway.gate import NOW_MS, MemoryLog, config_of, connector, sign, until


@dataclass
class StartingLog(MemoryLog):
    """A log that can be slow to start; notes what was kept when it was closed."""

    not_yet: str = ""
    asked_for: list[str] = field(default_factory=list)
    kept_at_close: int = -1

    async def warm_up(self, timeout_s: float, topics: Sequence[str] = ()) -> None:
        self.asked_for = list(topics)
        if self.not_yet:
            raise Transient(self.not_yet)

    def close(self, timeout_s: float | None = None) -> int:
        self.kept_at_close = len(self.records)
        return 0


@dataclass
class Running:
    task: asyncio.Task[None]
    stop: asyncio.Event
    client: httpx.AsyncClient


@asynccontextmanager
async def running(log: StartingLog, *, drain_s: float = 0.0, port: int = 0) -> AsyncIterator[Running]:
    stop = asyncio.Event()
    opened: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    with httpx.Client() as fetching:
        async with httpx.AsyncClient() as confirming:
            certificates = HttpCertificates(fetching)
            app = build_app(
                config_of(), log, certificates, Codec(), lambda: NOW_MS, connectors=connector, client=confirming
            )
            task = asyncio.create_task(
                serve(app, log, address=("127.0.0.1", port), stop=stop, drain_s=drain_s, listening=opened.set_result)
            )
            try:
                waiting: set[asyncio.Future[Any]] = {task, opened}
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                if task.done():
                    await task
                async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{await opened}") as client:
                    yield Running(task, stop, client)
            finally:
                stop.set()
                await asyncio.wait({task})


async def ready(client: httpx.AsyncClient) -> tuple[int, str]:
    response = await client.get("/readyz")
    return response.status_code, response.json().get("message", "")


async def until_ready(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(5):
        while (await ready(client))[0] != 200:
            pass


async def test_it_is_ready_only_when_the_log_is_and_says_why_not() -> None:
    log = StartingLog(not_yet="no Kafka broker answers at 127.0.0.1:1")
    async with running(log) as server:
        async with asyncio.timeout(5):
            while await ready(server.client) != (503, "no Kafka broker answers at 127.0.0.1:1"):
                pass
        log.not_yet = ""
        await until_ready(server.client)
    assert log.asked_for == ["mailweir.webhooks.v1"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_lets_the_requests_in_flight_finish_before_the_log_is_closed(number: signal.Signals) -> None:
    log = StartingLog(hold=asyncio.Event())
    async with running(log) as server:
        answer = asyncio.create_task(server.client.post("/webhooks/hmac", content=b"{}", headers=sign(b"{}")))
        await until(lambda: log.waiting == 1)
        os.kill(os.getpid(), number)
        await until(server.stop.is_set)
        assert log.kept_at_close == -1
        assert log.hold is not None
        log.hold.set()
        assert (await answer).status_code == 200
        await asyncio.wait_for(server.task, 5)
    assert log.kept_at_close == 1


async def test_while_it_drains_it_is_not_ready_but_still_takes_requests() -> None:
    async with running(StartingLog(), drain_s=0.5) as server:
        await until_ready(server.client)
        server.stop.set()
        async with asyncio.timeout(5):
            while (await ready(server.client))[0] == 200:
                pass
        assert (await server.client.post("/webhooks/hmac", content=b"{}", headers=sign(b"{}"))).status_code == 200


async def test_a_port_in_use_is_said_with_the_remedy_and_the_log_is_closed() -> None:
    log = StartingLog()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Misconfigured, match=rf"port {port} on 127.0.0.1 is in use.*MAILWEIR_GATEWAY_PORT"):
            async with running(log, port=port):
                pass
    assert log.kept_at_close == 0


@pytest.mark.parametrize(
    ("number", "said"),
    [(errno.EACCES, "MAILWEIR_GATEWAY_PORT to one above 1023"), (errno.EADDRNOTAVAIL, "MAILWEIR_HOST")],
)
def test_an_address_that_cannot_be_had_is_explained(number: int, said: str) -> None:
    assert said in explain(OSError(number, os.strerror(number)), "192.0.2.1", 80)
