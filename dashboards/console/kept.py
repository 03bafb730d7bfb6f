"""Answers kept for a moment: however many people ask the same within it, the store is asked once for each scope.

One that took long is kept for longer, so that no question ever takes more than a fifth of a thread.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from dashboards.console.panels import Panel
from dashboards.console.sampler import LivePanel
from dashboards.console.scope import current
from dashboards.console.store import ForPeople, Table

_MOMENT_S = 2.0
_REST = 4.0  # times as long as it took
_MOST = 200  # different questions; an answer has at most 20,000 rows


@dataclass(slots=True)
class _Answer:
    """`took_s`: how long the store took for it the last time."""

    live: LivePanel
    took_s: float = 0.0


class Kept:
    """Named queries over a span that ends now."""

    def __init__(self, store: ForPeople, clock_ms: Callable[[], int]) -> None:
        self._store = store
        self._clock_ms = clock_ms
        self._answers: OrderedDict[tuple[object, ...], _Answer] = OrderedDict()

    async def fresh(self, name: str, span_s: int, **given: str) -> Table:
        """The answer, at most a moment old. Raises BadParameterError, Transient."""
        key = (current(), name, span_s, *sorted(given.items()))
        answer = self._answers.pop(key, None) or self._new(Panel(name, _MOMENT_S, span_s, given))
        self._answers[key] = answer
        if len(self._answers) > _MOST:
            self._answers.popitem(last=False)
        before, began = answer.live.asked, asyncio.get_running_loop().time()
        table = await answer.live.fresh(max(_MOMENT_S, _REST * answer.took_s))
        if answer.live.asked != before:
            answer.took_s = asyncio.get_running_loop().time() - began
        return table

    def _new(self, panel: Panel) -> _Answer:
        return _Answer(LivePanel(panel, self._store, self._clock_ms))
