"""What people who watch the console cost: CPU of its process with one viewer and with 200 more, mail coming in.

The whole path runs under a light load, so that every panel changes as often as it is asked. A viewer is an open
`/api/stream`, read as fast as it comes; one that gets nothing makes the figure wrong. The store's part does not depend
on how many watch: each panel is asked once for all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median
from urllib.parse import urlsplit

from benchmarks import brokers
from benchmarks.figure import Figure, Plan, median_of, missing
from benchmarks.processes import used
from benchmarks.river import River, running
from streams.local.broker import Broker

NAME, UNIT, GOAL = "console_200_viewers_core_share", "of a core", "<= 0.10"
VIEWERS, RATE = 200, 500.0  # RATE: events a second
_WARM_S, _CHUNK = 10.0, 1 << 16


@dataclass(slots=True)
class Viewers:
    """Open streams. `received`: bytes so far, by viewer."""

    received: list[int]


def measure(plan: Plan) -> list[Figure]:
    """Share of a core that 200 viewers cost, and what one costs; and how much each is sent."""
    try:
        with brokers.started(plan.brokers[0], plan.work / "broker") as broker:
            return asyncio.run(_measure(plan, broker))
    except brokers.CannotRunError as error:
        return [missing(NAME, UNIT, str(error), goal=GOAL)]


async def _measure(plan: Plan, broker: Broker) -> list[Figure]:
    span_s = 10.0 if plan.quick else 30.0
    async with running(broker, plan.work / "river", plan.say) as river:
        seconds = _WARM_S + plan.runs * 2 * (span_s + 5.0)
        async with river.load(RATE, seconds, plan.seed), watching(river, 1):
            await asyncio.sleep(_WARM_S)
            ones, shares, rates, silent = [], [], [], 0
            for _ in range(plan.runs):
                ones.append(await _share(river, span_s))
                async with watching(river, VIEWERS) as viewers:
                    await asyncio.sleep(2.0)  # everybody has the first picture
                    before = list(viewers.received)
                    shares.append(await _share(river, span_s) - ones[-1])
                    got = [after - first for after, first in zip(viewers.received, before, strict=True)]
                rates.append(median(got) / span_s / 1000)
                silent += sum(not each for each in got)
    note = f"wrong: {silent} viewers got nothing" if silent else f"{RATE:,.0f} events/s come in; beside one viewer"
    return [
        median_of(NAME, shares, UNIT, goal=GOAL, note=note),
        median_of("console_one_viewer_core_share", ones, UNIT, note="asking the store for every panel"),
        median_of("console_viewer_kb_per_s", rates, "kB/s", note="sent to each"),
    ]


async def _share(river: River, seconds: float) -> float:
    """Of a core, that the console's process uses."""
    pid = river.pids()["console"]
    first, began = used(pid).cpu_s, time.monotonic()
    await asyncio.sleep(seconds)
    return (used(pid).cpu_s - first) / (time.monotonic() - began)


@asynccontextmanager
async def watching(river: River, count: int) -> AsyncIterator[Viewers]:
    """So many more viewers while the context is open. Raises OSError when the console does not take one."""
    viewers = Viewers([0] * count)
    parts = urlsplit(river.stack.console_url)
    opened = [await asyncio.open_connection(parts.hostname, parts.port) for _ in range(count)]
    tasks = [asyncio.create_task(_read(reader, viewers, each)) for each, (reader, _) in enumerate(opened)]
    for _, writer in opened:
        writer.write(f"GET /api/stream HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept-Encoding: gzip\r\n\r\n".encode())
    try:
        yield viewers
    finally:
        for task in tasks:
            task.cancel()
        for _, writer in opened:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _read(reader: asyncio.StreamReader, viewers: Viewers, place: int) -> None:
    while chunk := await reader.read(_CHUNK):
        viewers.received[place] += len(chunk)
