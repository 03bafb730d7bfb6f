"""From post to score: probes among a steady load, each a single event of a campaign of its own.

The clock starts before the probe's POST is written and stops when a consumer of the scores topic in this
process has that campaign's score in its hands: gateway, normalise, reputation, scorer, and two passes
through the log. Probes leave at even intervals, whatever the stack does.
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
from contextlib import ExitStack
from random import Random
from statistics import median
from typing import Self

from benchmarks import brokers
from benchmarks.courier import Connection, Tally, deliver
from benchmarks.posts import Posts
from benchmarks.river import River
from schemas.topics import EMAIL_EVENTS, REPUTATION_PARTIALS, REPUTATION_SCORES, WEBHOOKS
from streams.local.stack import PARTITIONS

PROBES_PER_S = 20.0
_WARM_S = 3.0
_LAST_S = 15.0  # how long the last probe's score may take
_CONNECTIONS = 8


class Arrivals:
    """Reads a topic in a thread and notes when each probe was in it first: in a key, or with `in_values` in a value."""

    def __init__(self, bootstrap: str, topic: str, partitions: int, prefix: str, *, in_values: bool) -> None:
        self.seen: dict[str, float] = {}
        self._bootstrap, self._topic, self._partitions, self._in_values = bootstrap, topic, partitions, in_values
        self._probe = re.compile(prefix.encode() + rb"\d+")
        self._halt = threading.Event()
        self._is_reading = threading.Event()
        self._thread = threading.Thread(target=self._read, name=topic, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._is_reading.wait(30):
            raise brokers.CannotRunError(f"{self._topic} could not be read")
        return self

    def __exit__(self, *_: object) -> None:
        self._halt.set()
        self._thread.join(10)

    def _read(self) -> None:
        with brokers.tail(self._bootstrap, self._topic, self._partitions) as reader:
            self._is_reading.set()
            while not self._halt.is_set():
                message = reader.poll(0.1)
                if message is None or message.error() is not None:
                    continue
                for name in self._probe.findall((message.value() if self._in_values else message.key()) or b""):
                    self.seen.setdefault(name.decode(), time.perf_counter())


async def measure(river: River, rate: float, seconds: float, seed: int) -> tuple[list[float], int]:
    """Milliseconds of each probe at `rate` events a second, sorted, and how many had not come when waiting ended.

    Those count with the time until then, which is at least 15 s.
    """
    prefix = _prefix(seed, rate)
    with Arrivals(river.broker.bootstrap, REPUTATION_SCORES.name, 1, prefix, in_values=False) as arrivals:
        sent = await _probe(river, rate, seconds, seed, prefix, arrivals)
    end = time.perf_counter()
    took = sorted((arrivals.seen.get(name, end) - at) * 1000 for name, at in sent.items())
    return took, sum(name not in arrivals.seen for name in sent)


async def hops(river: River, rate: float, seconds: float, seed: int) -> dict[str, float]:
    """The median ms until a probe is in each topic on its way. Reading them all is load too: later than `measure`."""
    prefix, partitions = _prefix(seed, rate), PARTITIONS
    with ExitStack() as stack:
        arrivals = [
            stack.enter_context(Arrivals(river.broker.bootstrap, topic.name, number, prefix, in_values=in_values))
            for topic, number, in_values in (
                (WEBHOOKS, partitions, True), (EMAIL_EVENTS, partitions, True),
                (REPUTATION_PARTIALS, partitions, False), (REPUTATION_SCORES, 1, False),
            )
        ]  # fmt: skip
        sent = await _probe(river, rate, seconds, seed, prefix, arrivals[-1])
    return {
        name: median((seen.seen[probe] - at) * 1000 for probe, at in sent.items() if probe in seen.seen)
        for name, seen in zip(("log", "event", "count", "score"), arrivals, strict=True)
    }


def _prefix(seed: int, rate: float) -> str:
    return f"probe-{Random(f'{seed}-{rate}-{time.time_ns()}').getrandbits(32):08x}-"


async def _probe(river: River, rate: float, seconds: float, seed: int, prefix: str, last: Arrivals) -> dict[str, float]:
    """Send probes among a load and wait until `last` has seen them all, or for 15 s; when each was sent."""
    sent: dict[str, float] = {}
    async with river.load(rate, _WARM_S + seconds, seed) as load:
        await asyncio.sleep(_WARM_S)
        await _send(river, prefix, seconds, seed, sent)
        await load.done()
    deadline = time.monotonic() + _LAST_S
    while len(last.seen) < len(sent) and time.monotonic() < deadline:  # noqa: ASYNC110 - a thread sets it
        await asyncio.sleep(0.05)
    return sent


async def _send(river: River, prefix: str, seconds: float, seed: int, sent: dict[str, float]) -> None:
    host, port = river.gateway
    posts = Posts(river.key, f"{host}:{port}", prefix[-9:-1], seed)
    tally, began = Tally(), time.monotonic()
    due = iter(range(int(seconds * PROBES_PER_S)))

    async def work() -> None:
        connection = Connection(host, port)
        for number in due:
            await asyncio.sleep(max(0.0, began + number / PROBES_PER_S - time.monotonic()))
            name = f"{prefix}{number}"
            request = posts.single(name)
            sent[name] = time.perf_counter()
            await deliver(connection, request, tally, 1)
        connection.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(_CONNECTIONS):
            group.create_task(work())
    river.posted += tally.accepted


def percentile(values: list[float], share: float) -> float:
    """Of sorted values, the one below which `share` of them lie (nearest rank). Raises ValueError for none."""
    if not values:
        raise ValueError("no values")
    return values[min(len(values) - 1, int(share * len(values)))]
