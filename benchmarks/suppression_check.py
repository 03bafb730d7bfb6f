"""Asking the suppression service about one address, 200 times a second: the real process, over loopback.

The list is filled before (100,000 recipients, a million in a long run). Questions leave on time, whether or not the
last one is answered, and their latency counts from when they were due; so a pause of the service costs all that
were due in it. Half ask for recipients on the list; an answer that is wrong makes the run wrong. Between them leave as
many requests for the service's health, which look nothing up: what those take is the machine's and the framework's.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp

from benchmarks import brokers
from benchmarks.events import Made
from benchmarks.figure import Figure, Plan, median_of, missing
from benchmarks.processes import used
from benchmarks.stages import ROOT
from schemas.avro import Codec
from schemas.suppressions import Suppression
from schemas.topics import SUPPRESSIONS
from streams.core.suppression.book import record_key
from streams.local import ports, processes
from streams.topics import apply_topics

NAME, UNIT, GOAL = "suppression_check_p99_ms", "ms", "<= 5"
RATE, SECONDS = 200, 15
_TIMEOUT_S = 240.0


def measure(plan: Plan) -> list[Figure]:
    """Median and 99th percentile in ms, and the service's memory with the list in it."""
    count = 100_000 if plan.quick else 1_000_000
    try:
        with brokers.started(plan.brokers[0], plan.work / "broker") as broker:
            apply_topics(broker.bootstrap, 2, 1, timeout_s=30.0)
            brokers.fill(broker.bootstrap, SUPPRESSIONS.name, _records(count))
            with _service(broker.bootstrap, plan.work) as (pid, port):
                runs = [asyncio.run(_ask(port, count)) for _ in range(plan.runs)]
                memory_mb = used(pid).rss_mb
    except brokers.CannotRunError as error:
        return [missing(NAME, UNIT, str(error), goal=GOAL)]
    note = "" if all(run[2] == 0 for run in runs) else f"wrong: {sum(run[2] for run in runs)} answers"
    note = note or f"{RATE} questions a second about one of {count:,} recipients or of as many others"
    return [
        median_of(NAME, [run[1] for run in runs], UNIT, goal=GOAL, note=note),
        median_of("suppression_check_p50_ms", [run[0] for run in runs], UNIT),
        median_of(
            "suppression_bare_p99_ms", [run[4] for run in runs], UNIT, note="/healthz of the same service, in between"
        ),
        median_of("suppression_bare_p50_ms", [run[3] for run in runs], UNIT),
        median_of("suppression_rss_mb", [memory_mb], "MB"),
    ]


def key_of(number: int) -> str:
    """A recipient's key; those of even numbers are on the list."""
    return f"{number * 0x9E3779B97F4A7C15 % (1 << 128):032x}"


def _records(count: int) -> Iterator[Made]:
    codec = Codec()
    for number in range(count):
        fact = Suppression(
            tenant="default", scope="tenant", recipient_key=key_of(2 * number), cause="dead_address", status="active",
            since=1_800_000_000_000 + number, source="sendgrid", event_id=f"{number:032x}",
            reason="invalid_recipient 550 5.1.1", recipient=f"person{number}@example{number % 5_000}.com",
        )  # fmt: skip
        yield Made(0, record_key(fact), codec.encode(fact))


async def _ask(port: int, count: int) -> tuple[float, float, int, float, float]:
    """Median and 99th percentile in ms, how many answers were wrong; median and 99th percentile of the health page."""
    times: list[float] = []
    bare: list[float] = []
    wrong = 0
    async with aiohttp.ClientSession(f"http://{ports.LOOPBACK}:{port}") as session:

        async def one(number: int, due_s: float) -> None:
            nonlocal wrong
            key = key_of((number * 7_919) % (2 * count))
            async with session.post("/v1/check", json={"recipient_keys": [key]}) as answer:
                (result,) = (await answer.json())["results"]
            times.append((time.perf_counter() - due_s) * 1000)
            wrong += result["suppressed"] != ((number * 7_919) % 2 == 0)

        async def health(due_s: float) -> None:
            async with session.get("/healthz") as answer:
                await answer.read()
            bare.append((time.perf_counter() - due_s) * 1000)

        began_s = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(RATE * SECONDS):
                due_s = began_s + number / RATE
                await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
                group.create_task(one(number, due_s))
                await asyncio.sleep(max(0.0, due_s + 0.5 / RATE - time.perf_counter()))
                group.create_task(health(due_s + 0.5 / RATE))
    return *_spread(times), wrong, *_spread(bare)


def _spread(times: list[float]) -> tuple[float, float]:
    return statistics.median(times), statistics.quantiles(times, n=100)[98]


@contextmanager
def _service(bootstrap: str, work: Path) -> Iterator[tuple[int, int]]:
    """The suppression service once it is ready: its process id and port."""
    port = ports.free_port()
    config = work / "mailweir.yaml"
    config.write_text("{}\n", encoding="utf-8")
    settings = {
        "MAILWEIR_KAFKA": bootstrap,
        "MAILWEIR_CONFIG": str(config),
        "MAILWEIR_SUPPRESSION_PORT": str(port),
        "PYTHONPATH": str(ROOT),
    }
    argv = [sys.executable, "-m", "streams", "suppression"]
    process = processes.spawn(argv, log=work / "service.log", env={**os.environ, **settings})
    try:
        asyncio.run(_until_ready(port))
        yield process.pid, port
    finally:
        processes.stop(process, timeout_s=20.0)


async def _until_ready(port: int) -> None:
    deadline_s = time.monotonic() + _TIMEOUT_S
    async with aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(f"http://{ports.LOOPBACK}:{port}/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            if time.monotonic() > deadline_s:
                raise TimeoutError("the suppression service did not get ready")
            await asyncio.sleep(0.1)
