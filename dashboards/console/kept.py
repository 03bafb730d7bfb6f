"""Answers kept for a moment: however many people ask the same within it, the store is asked once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from dashboards.console.panels import Panel
from dashboards.console.sampler import LivePanel
from dashboards.console.store import ForPeople, Table

_MOMENT_S = 2.0
_MOST = 200  # different questions; an answer has at most 20,000 rows


class Kept:
    """Named queries over a span that ends now."""

    def __init__(self, store: ForPeople, clock_ms: Callable[[], int]) -> None:
        self._store = store
        self._clock_ms = clock_ms
        self._answers: OrderedDict[tuple[object, ...], LivePanel] = OrderedDict()

    async def fresh(self, name: str, span_s: int, **given: str) -> Table:
        """The answer, at most a moment old. Raises BadParameterError, Transient."""
        key = (name, span_s, *sorted(given.items()))
        live = self._answers.pop(key, None) or self._new(Panel(name, _MOMENT_S, span_s, given))
        self._answers[key] = live
        if len(self._answers) > _MOST:
            self._answers.popitem(last=False)
        return await live.fresh(_MOMENT_S)

    def _new(self, panel: Panel) -> LivePanel:
        return LivePanel(panel, self._store, self._clock_ms)
