"""Ctrl-C and SIGTERM as events, so that a stack can end in order instead of in a traceback.

The first signal asks for a clean end, a second one for an end at once.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, Self, TypeVar

_T = TypeVar("_T")
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupt:
    """A context manager inside a running event loop. From the second signal on `again` is called, too."""

    def __init__(self, again: Callable[[], None] = lambda: None) -> None:
        self._first = asyncio.Event()
        self._second = asyncio.Event()
        self._again = again

    @property
    def is_set(self) -> bool:
        """Whether a signal came."""
        return self._first.is_set()

    @property
    def is_urgent(self) -> bool:
        """Whether a second signal came."""
        return self._second.is_set()

    async def wait(self) -> None:
        """Return at the first signal."""
        await self._first.wait()

    async def race(self, work: Coroutine[Any, Any, _T]) -> _T | None:
        """The result of `work`, or None when a signal came first; `work` is cancelled then."""
        return await _race(work, self._first)

    async def race_urgent(self, work: Coroutine[Any, Any, _T]) -> _T | None:
        """The result of `work`, or None when a second signal came first; `work` is cancelled then."""
        return await _race(work, self._second)

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.remove_signal_handler(number)

    def _on_signal(self) -> None:
        if self._first.is_set():
            self._second.set()
            self._again()
        self._first.set()


async def _race(work: Coroutine[Any, Any, _T], event: asyncio.Event) -> _T | None:
    task, signalled = asyncio.create_task(work), asyncio.create_task(event.wait())
    try:
        await asyncio.wait({task, signalled}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        signalled.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
    return None if task.cancelled() else task.result()
