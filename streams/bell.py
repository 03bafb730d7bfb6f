"""Tells an event loop what the producer's poll thread has heard, with one wake-up for all that came meanwhile.

To wake a loop takes a system call, which costs as much as an acknowledgement itself; hundreds of them come in
one go. So the first rings, the others only leave their future. How long a future may wait is looked at once a
second for all, not by a timer each: librdkafka reports every record in time, and this is for when it does not.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque

_LOOK_S = 1.0


class Bell:
    """Completes futures of one event loop from another thread. `patience_s`: how long one may wait, to a second."""

    def __init__(self, loop: asyncio.AbstractEventLoop, patience_s: float) -> None:
        self.loop, self.patience_s = loop, patience_s
        self._waiting: deque[tuple[float, asyncio.Future[None]]] = (
            deque()
        )  # all are as patient: the first is the oldest
        self._heard: deque[asyncio.Future[None]] = deque()
        self._is_rung = False
        self._is_looking = False

    def expect(self, done: asyncio.Future[None]) -> None:
        """From now on `done` has `patience_s`; then it raises TimeoutError. Called in the loop."""
        self._waiting.append((self.loop.time() + self.patience_s, done))
        if not self._is_looking:
            self._is_looking = True
            self.loop.call_later(_LOOK_S, self._look)

    def ring(self, done: asyncio.Future[None]) -> None:
        """Complete `done`. Called in the other thread."""
        self._heard.append(done)
        if not self._is_rung:
            self._is_rung = True
            with contextlib.suppress(RuntimeError):  # the loop has ended; nobody waits any more
                self.loop.call_soon_threadsafe(self._answer)

    def _answer(self) -> None:
        self._is_rung = False  # first: who comes from now on rings again
        while self._heard:
            done = self._heard.popleft()
            if not done.done():
                done.set_result(None)

    def _look(self) -> None:
        waiting, now = self._waiting, self.loop.time()
        while waiting and (waiting[0][1].done() or waiting[0][0] <= now):
            done = waiting.popleft()[1]
            if not done.done():
                done.set_exception(TimeoutError())
        self._is_looking = bool(waiting)
        if waiting:
            self.loop.call_later(_LOOK_S, self._look)
