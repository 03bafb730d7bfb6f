"""`mailweir top`: the state of the sending on one screen, asked anew every few seconds. Reads ClickHouse.

The store may be away: the screen says so, keeps the last figures and goes on when it is back.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import termios
import tty
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TextIO

from rich.console import Console, Group
from rich.live import Live

from dashboards.console.scope import EVERYTHING, within
from dashboards.console.store import Store, StoreClient
from schemas.errors import Misconfigured, Transient
from streams.commands.top_screen import lines, plain
from streams.commands.top_snapshot import Snapshot, Watching, as_json
from streams.local.durations import parse_duration

_FASTEST_S = 0.5  # six queries at once, more often than that, are a load of their own
_TICK_S = 0.1
REPLY_TIMEOUT_S = 5  # whoever quits waits for the questions that are under way, at most so long
_QUIT = frozenset(b"qQ\x04")


def every_of(text: str) -> float:
    """Seconds between two looks. Raises Misconfigured."""
    seconds = parse_duration(text, where="--every")
    if seconds < _FASTEST_S:
        raise Misconfigured(f"--every: {text!r} is less than {_FASTEST_S:g}s, the shortest there is")
    return seconds


def run_once(
    client_factory: Callable[[], StoreClient],
    tenant: str,
    clock_ms: Callable[[], int],
    console: Console,
    out: TextIO,
    *,
    as_object: bool,
) -> int:
    """One look, as text or as one JSON object. Raises Transient where the store has no answer."""

    async def look() -> Snapshot:
        async with _watching(client_factory, tenant, clock_ms) as watching:
            return await watching.look()

    found = asyncio.run(look())
    if found.trouble:
        raise Transient(found.trouble.rstrip("."))
    if as_object:
        out.write(json.dumps(as_json(found)) + "\n")
        return 0
    for line in plain(found, console.width, clock_ms()):
        console.print(line, highlight=False, soft_wrap=True)
    return 0


def run_live(
    client_factory: Callable[[], StoreClient],
    tenant: str,
    every_s: float,
    clock_ms: Callable[[], int],
    console: Console,
) -> int:
    """The screen until q or Ctrl-C; 0 either way."""

    async def show() -> None:
        async with _watching(client_factory, tenant, clock_ms) as watching:  # the terminal is itself again before
            with _unbuffered(sys.stdin.fileno()), Live(console=console, screen=True, auto_refresh=False) as live:
                await _Screen(watching, every_s, clock_ms, console, live).run()

    with suppress(KeyboardInterrupt):
        asyncio.run(show())
    return 0


class _Screen:
    """Draws when there is something new: figures, a second, another size of the terminal."""

    def __init__(
        self, watching: Watching, every_s: float, clock_ms: Callable[[], int], console: Console, live: Live
    ) -> None:
        self._watching, self._every_s, self._clock_ms = watching, every_s, clock_ms
        self._console, self._live = console, live
        self._found = Snapshot()
        self._has_quit = asyncio.Event()

    async def run(self) -> None:
        loop, keyboard = asyncio.get_running_loop(), sys.stdin.fileno()
        loop.add_reader(keyboard, self._read, keyboard)
        looking = asyncio.create_task(self._look())
        try:
            await self._draw(looking)
        finally:
            loop.remove_reader(keyboard)
            looking.cancel()

    async def _look(self) -> None:
        while True:
            self._found = await self._watching.look()
            await asyncio.sleep(self._every_s)

    async def _draw(self, looking: asyncio.Task[None]) -> None:
        drawn: object = None
        while not self._has_quit.is_set():
            if looking.done():  # by a defect of ours only, which is not hidden behind old figures
                looking.result()
            now_ms, size = self._clock_ms(), self._console.size
            state = (id(self._found), now_ms // 1000, size)
            if state != drawn:
                drawn = state
                made = lines(self._found, size.width, size.height, now_ms, self._every_s)
                self._live.update(Group(*made), refresh=True)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._has_quit.wait(), _TICK_S)

    def _read(self, keyboard: int) -> None:
        """A terminal that is gone reads as nothing, for ever."""
        typed = os.read(keyboard, 64)
        if not typed or _QUIT & set(typed):
            self._has_quit.set()


@asynccontextmanager
async def _watching(
    client_factory: Callable[[], StoreClient], tenant: str, clock_ms: Callable[[], int]
) -> AsyncIterator[Watching]:
    store = Store(client_factory)
    try:
        with within(EVERYTHING):
            yield Watching(store, tenant, clock_ms)
    finally:
        store.close()


@contextmanager
def _unbuffered(keyboard: int) -> Iterator[None]:
    """Keys arrive as they are typed and are not shown; Ctrl-C stays a signal."""
    before = termios.tcgetattr(keyboard)
    tty.setcbreak(keyboard)
    try:
        yield
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
