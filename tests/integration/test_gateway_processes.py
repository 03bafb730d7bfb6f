"""The real gateway in several processes on one port."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from schemas.topics import WEBHOOKS
from streams.kafka import apply_topics
from streams.local import ports, processes
from streams.local.broker import Tansu
from tests.integration.test_gateway import bodies, read

DEADLINE_S = 60.0


async def test_two_processes_share_one_port_and_lose_nothing(tmp_path: Path) -> None:
    bodies_sent = {b"%d" % number for number in range(60)}
    port, pages = ports.free_port(), ports.free_port()
    with Tansu(tmp_path) as tansu:
        apply_topics(tansu.bootstrap, 2, 1)
        with running_gateway(tmp_path, tansu.bootstrap, port, pages, count=2) as process:
            await until_ready(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{pages}", f"http://127.0.0.1:{pages + 1}")
            statuses = await asyncio.gather(*(post_alone(port, body) for body in bodies_sent))
            stored = [await stored_by(pages + number) for number in range(2)]
            async with httpx.AsyncClient() as client:
                assert (await client.get(f"http://127.0.0.1:{port}/metrics")).status_code == 404
            process.terminate()
            assert await asyncio.to_thread(process.wait, DEADLINE_S) == 0
        assert set(statuses) == {200}
        assert sum(stored) == len(bodies_sent)
        assert min(stored) > 0
        found = read(tansu.bootstrap, WEBHOOKS.name, lambda found: len(found) >= len(bodies_sent))
        assert bodies(found) == bodies_sent


@contextmanager
def running_gateway(
    folder: Path, bootstrap: str, port: int, pages: int, count: int
) -> Iterator[subprocess.Popen[bytes]]:
    """The real service."""
    config = folder / "mailweir.yaml"
    config.write_text("sources: [{name: open, provider: kumomta, is_unsigned: true}]\n", encoding="utf-8")
    environ = os.environ | {
        "MAILWEIR_KAFKA": bootstrap,
        "MAILWEIR_CONFIG": str(config),
        "MAILWEIR_GATEWAY_PORT": str(port),
        "MAILWEIR_GATEWAY_PROCESSES": str(count),
        "MAILWEIR_METRICS_PORT": str(pages),
    }
    argv = [sys.executable, "-m", "streams", "gateway"]
    process = processes.spawn(argv, log=folder / "gateway.log", env=environ)
    try:
        yield process
    finally:
        processes.kill(process)


async def until_ready(*urls: str) -> None:
    async with httpx.AsyncClient() as client, asyncio.timeout(DEADLINE_S):
        for url in urls:
            while await status_of(client, f"{url}/readyz") != 200:
                pass


async def status_of(client: httpx.AsyncClient, url: str) -> int:
    """Its status, 0 while nobody listens."""
    try:
        return (await client.get(url)).status_code
    except httpx.TransportError:
        return 0


async def post_alone(port: int, body: bytes) -> int:
    """Over a connection of its own, so that the kernel chooses a process anew."""
    async with httpx.AsyncClient(timeout=DEADLINE_S) as client:
        return (await client.post(f"http://127.0.0.1:{port}/webhooks/open", content=body)).status_code


async def stored_by(port: int) -> int:
    """How many requests the process that shows its metrics there has stored."""
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    found = re.search(r'^mailweir_gateway_requests_total\{source="open",status="200"\} (\S+)', text, re.MULTILINE)
    return int(float(found[1])) if found else 0
