"""From post to score: probes among a steady load, each a single event of a campaign of its own.

The clock starts before the probe's POST is written and stops when a consumer of the scores topic in this
process has that campaign's score in its hands: gateway, normalise, reputation, scorer, and two passes
through the log. Probes leave at even intervals, whatever the stack does.
"""

from __future__ import annotations

import asyncio
import threading
import time
from random import Random
from typing import Self

from benchmarks import brokers
from benchmarks.courier import Connection, Tally, deliver
from benchmarks.posts import Posts
from benchmarks.river import River
from schemas.topics import REPUTATION_SCORES

PROBES_PER_S = 20.0
_WARM_S = 3.0
_LAST_S = 15.0  # how long the last probe's score may take
_CONNECTIONS = 8


class Arrivals:
    """Reads the scores topic in a thread and notes when each probe's campaign came first."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self.seen: dict[str, float] = {}
        self._bootstrap, self._prefix = bootstrap, f"\x1fcampaign\x1f{prefix}".encode()
        self._halt = threading.Event()
        self._is_reading = threading.Event()
        self._thread = threading.Thread(target=self._read, name="scores", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._is_reading.wait(30):
            raise brokers.CannotRunError("the scores topic could not be read")
        return self

    def __exit__(self, *_: object) -> None:
        self._halt.set()
        self._thread.join(10)

    def _read(self) -> None:
        with brokers.tail(self._bootstrap, REPUTATION_SCORES.name, 1) as reader:
            self._is_reading.set()
            while not self._halt.is_set():
                message = reader.poll(0.1)
                key = message.key() if message is not None else None
                if key and self._prefix in key:
                    self.seen.setdefault(key.decode().rpartition("\x1f")[2], time.perf_counter())


async def measure(river: River, rate: float, seconds: float, seed: int) -> tuple[list[float], int]:
    """Milliseconds of each probe at `rate` events a second, sorted, and how many had not come when waiting ended.

    Those count with the time until then, which is at least 15 s.
    """
    prefix = f"probe-{Random(f'{seed}-{rate}-{time.time_ns()}').getrandbits(32):08x}-"
    sent: dict[str, float] = {}
    with Arrivals(river.broker.bootstrap, prefix) as arrivals:
        async with river.load(rate, _WARM_S + seconds, seed) as load:
            await asyncio.sleep(_WARM_S)
            await _send(river, prefix, seconds, seed, sent)
            await load.done()
        deadline = time.monotonic() + _LAST_S
        while len(arrivals.seen) < len(sent) and time.monotonic() < deadline:  # noqa: ASYNC110 - a thread sets it
            await asyncio.sleep(0.05)
        end = time.perf_counter()
        took = sorted((arrivals.seen.get(name, end) - at) * 1000 for name, at in sent.items())
        return took, sum(name not in arrivals.seen for name in sent)


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
