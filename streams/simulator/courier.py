"""Posts requests to the gateway the way the services do: in parallel, and again when refused.

At most `WORKERS` requests are under way, `WAITING` are ready and `HELD` are held back for later; when
the gateway is away for long, the senders wait for it, as a mailing waits in a real queue.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import aiohttp

from streams.simulator.truth import Post, PostKind, Truth

WORKERS = 12
WAITING = 64
HELD = 2_000  # requests held back: some ten seconds of an absent gateway at 500 events/s
TRIES = 40  # with waits of at most 3 s: two minutes of an absent gateway
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.4, 3.0
_TIMEOUT = aiohttp.ClientTimeout(total=15, connect=5)


@dataclass(slots=True)
class Progress:
    """How far the run is; counts of requests, except `events` (copies posted)."""

    requests: int = 0
    events: int = 0
    accepted: int = 0
    refused: int = 0
    unanswered: int = 0
    retries: int = 0
    given_up: int = 0
    simulated_ms: int = 0
    paused: list[str] = field(default_factory=list)
    resting: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Courier:
    """An asynchronous context: workers run inside it. `retries`: refusals that each source tries again."""

    gateway_url: str
    truth: Truth
    progress: Progress
    retries: dict[str, tuple[int, ...]]
    wall: Callable[[], float] = time.time
    _session: aiohttp.ClientSession | None = None
    _ready: asyncio.Queue[Post] = field(default_factory=lambda: asyncio.Queue(WAITING))
    _held: list[tuple[float, int, Post]] = field(default_factory=list)
    _number: int = 0
    _busy: int = 0
    _workers: list[asyncio.Task[None]] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=WORKERS), timeout=_TIMEOUT, cookie_jar=aiohttp.DummyCookieJar()
        )
        self._workers = [asyncio.create_task(self._work(self._session)) for _ in range(WORKERS)]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def put(self, post: Post, delay_s: float = 0.0) -> None:
        """Post it, after `delay_s`; waits while too much is waiting."""
        if delay_s > 0:
            self._hold(post, delay_s)
        else:
            await self._ready.put(post)

    @property
    def is_congested(self) -> bool:
        """Whether the senders should wait before they make more."""
        return len(self._held) >= HELD

    async def release(self) -> None:
        """Hand over what has been held back long enough."""
        now = asyncio.get_running_loop().time()
        while self._held and self._held[0][0] <= now:
            await self._ready.put(heapq.heappop(self._held)[2])

    async def drain(self, deadline_s: float) -> None:
        """Wait until nothing is waiting, held or under way, at most `deadline_s` seconds."""
        end = asyncio.get_running_loop().time() + deadline_s
        while self._held or self._busy or not self._ready.empty():
            if asyncio.get_running_loop().time() >= end:
                self.progress.given_up += len(self._held) + self._ready.qsize() + self._busy
                return
            await self.release()
            await asyncio.sleep(0.02)

    def _hold(self, post: Post, delay_s: float) -> None:
        self._number += 1
        heapq.heappush(self._held, (asyncio.get_running_loop().time() + delay_s, self._number, post))

    async def _work(self, session: aiohttp.ClientSession) -> None:
        while True:
            post = await self._ready.get()
            self._busy += 1
            try:
                await self._deliver(session, post)
            finally:
                self._busy -= 1

    async def _deliver(self, session: aiohttp.ClientSession, post: Post) -> None:
        started_at, began = self.wall(), time.perf_counter()
        status = 0
        url = f"{self.gateway_url}/webhooks/{post.source}"
        try:
            async with session.post(url, data=post.body, headers=post.headers) as response:
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            pass  # no answer; whether it was taken, nobody knows
        self.truth.answered(post, status, started_at, (time.perf_counter() - began) * 1000)
        self._count(post, status)
        if not 200 <= status < 300:
            self._again(post, status)

    def _count(self, post: Post, status: int) -> None:
        progress = self.progress
        progress.requests += 1
        progress.events += len(post.facts)
        if 200 <= status < 300:
            progress.accepted += 1
        elif status:
            progress.refused += 1
        else:
            progress.unanswered += 1

    def _again(self, post: Post, status: int) -> None:
        is_final = 0 < status < 500 and status != 429 and status not in self.retries[post.source]
        if post.kind is PostKind.FORGED or is_final:
            return
        post.attempts += 1
        if post.attempts >= TRIES:
            self.progress.given_up += 1
            return
        self.progress.retries += 1
        self._hold(post, min(_FIRST_WAIT_S * 2 ** min(post.attempts, 5), _LONGEST_WAIT_S))
