"""A few threads for what costs CPU and needs nothing but values: signatures, digests, encoding.

Checking an ECDSA signature takes most of a request's time and holds no interpreter lock, so beside the event loop it
takes nothing from it. Handing over is cheap under load: results are collected and the loop is woken once for all that
have gathered, not once for each.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
_THREADS = 2  # one keeps an event loop busy; a second lets a long check not hold up the short ones

_Job = tuple["asyncio.Future[Any]", Callable[[], Any]]


class Checkers:
    """Threads for one event loop. What waits is bounded by the requests that the gateway admits."""

    def __init__(self, threads: int = _THREADS) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._done: deque[tuple[asyncio.Future[Any], Any, Exception | None]] = deque()
        self._has_rung = False
        self._loop = asyncio.get_running_loop()
        self._threads = [threading.Thread(target=self._work, name=f"checker-{n}", daemon=True) for n in range(threads)]
        for thread in self._threads:
            thread.start()

    def run(self, job: Callable[[], T]) -> asyncio.Future[T]:
        """What `job` returns or raises. It runs in a thread: functions of values only."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put((future, job))
        return future

    def close(self) -> None:
        """End the threads once they have done what they were given."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (given := self._jobs.get()) is not None:
            future, job = given
            result, failure = None, None
            try:
                result = job()
            except Exception as error:  # noqa: BLE001  # whoever awaits the future decides
                failure = error
            self._done.append((future, result, failure))
            if not self._has_rung:
                self._has_rung = True
                with contextlib.suppress(RuntimeError):  # the loop has ended; nobody waits
                    self._loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        self._has_rung = False  # before looking: what comes from now on rings again
        while self._done:
            future, result, failure = self._done.popleft()
            if future.done():
                continue
            if failure is None:
                future.set_result(result)
            else:
                future.set_exception(failure)
