"""Measures how long an event takes from its POST to a row that can be queried, while the run goes on.

A sample of posted events is looked for in ClickHouse every 150 ms; the figure is the time from the
start of the POST to the end of the query that found it, so it is never flattering.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from clickhouse_connect.driver.exceptions import Error as StoreError

from streams.simulator import store
from streams.simulator.truth import EventKey, Truth

EVERY_S = 0.15
_PENDING = 100  # events looked for at a time: keeps the query small
_FIGURES = 100_000


@dataclass(slots=True)
class Prober:
    """`client` is the prober's own. `end_to_end_ms` grows while `run` runs; cancel `run` to end it."""

    client: store.Client
    truth: Truth
    wall: Callable[[], float] = time.time
    every_s: float = EVERY_S
    end_to_end_ms: deque[float] = field(default_factory=lambda: deque(maxlen=_FIGURES))
    _pending: dict[EventKey, float] = field(default_factory=dict)

    async def run(self) -> None:
        """Look again and again until cancelled. A store that is away is waited for."""
        while True:
            await asyncio.sleep(self.every_s)
            await self.look()

    async def look(self) -> None:
        """One round: take new samples, ask once, note what was found."""
        samples = self.truth.samples
        while samples and len(self._pending) < _PENDING:
            started_at, key = samples.popleft()
            self._pending.setdefault(key, started_at)
        if not self._pending:
            return
        try:
            found = await asyncio.to_thread(store.are_there, self.client, list(self._pending))
        except StoreError:
            return
        now = self.wall()
        for key in found:
            self.end_to_end_ms.append((now - self._pending.pop(key)) * 1000)
