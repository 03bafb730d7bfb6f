"""The progress line of a demo: one line that changes in place on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

_PLAIN_EVERY_S = 5.0
_RATE_OVER_S = 5.0
WIDTH = 80


class ProgressLine:
    """A context manager; `show` as often as you like. `is_live`: draw in place (a terminal)."""

    def __init__(self, console: Console, *, is_live: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._live = Live(console=console, transient=True, auto_refresh=False) if is_live else None
        self._clock = clock
        self._shown_at = float("-inf")

    def show(self, line: str) -> None:
        """Replace the line; without a terminal print it, at most every 5 s."""
        if self._live is not None:
            self._live.update(Text(line, no_wrap=True, overflow="ellipsis"), refresh=True)
        elif self._clock() - self._shown_at >= _PLAIN_EVERY_S:
            self._shown_at = self._clock()
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()


class Rate:
    """Events per second over the last five seconds, from a growing total."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def update(self, total: int, now_s: float) -> float:
        """The rate up to `now_s` (seconds of any clock)."""
        self._seen.append((now_s, total))
        while now_s - self._seen[0][0] > _RATE_OVER_S:
            self._seen.popleft()
        then_s, then = self._seen[0]
        return (total - then) / (now_s - then_s) if now_s > then_s else 0.0


def line_of(*, elapsed_s: float, posted: int, stored: int, rate: float, paused: Sequence[str]) -> str:
    """At most 80 columns: time, events posted and stored, events per second, what is paused."""
    minutes, seconds = divmod(int(elapsed_s), 60)
    line = f"{minutes}:{seconds:02d}  posted {posted:,}  stored {stored:,}  {rate:,.0f}/s"
    if not paused:
        return f"{line}  nothing paused"
    named = f"{line}  paused: {', '.join(paused)}"
    return named if len(named) <= WIDTH else f"{line}  {len(paused)} paused"
