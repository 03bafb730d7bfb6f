"""Keeps the live panels fresh: one query per panel and period, whoever watches and however many.

While nobody watches nothing is asked. A panel is sent only when its answer changed; a pulse every two seconds
carries the time, the store's state and the headline, so that the page can say "the store is away" and notice
silence itself. A new headline, and whoever comes new, does not wait for the next pulse.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import msgspec

from dashboards.console.headline import headline
from dashboards.console.hub import Hub
from dashboards.console.panels import Panel
from dashboards.console.store import Table
from dashboards.queries import NamedQuery
from schemas.errors import Transient

_PULSE_S = 2.0
_HEADLINE = ("scores", "campaign_states")  # the panels that the headline is made of
_REST = 4.0  # times the last answer took: a busy store is asked less often, a panel never takes a fifth of it
_log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class StoreState:
    """Whether the store answers; `since_ms` is when that began, `sentence` what to tell people if it does not."""

    is_well: bool = True
    sentence: str = ""
    since_ms: int = 0


class Asked(Protocol):
    """Whom a panel asks."""

    async def run(self, named: NamedQuery, parameters: Mapping[str, int | str]) -> Table:
        """The query's answer. Raises Transient."""


class LivePanel:
    """One panel's newest answer. However many ask at once, one query runs."""

    def __init__(self, panel: Panel, store: Asked, clock_ms: Callable[[], int]) -> None:
        self.panel = panel
        self.table: Table | None = None
        self.asked = 0
        self._at_ms = 0
        self._store = store
        self._clock_ms = clock_ms
        self._one_at_a_time = asyncio.Lock()

    async def fresh(self, max_age_s: float) -> Table:
        """An answer not older than `max_age_s`. Raises Transient."""
        async with self._one_at_a_time:
            now_ms = self._clock_ms()
            if self.table is None or now_ms - self._at_ms > max_age_s * 1000:
                self.asked += 1
                self.table = await self._store.run(self.panel.named(), self.panel.bind(now_ms))
                self._at_ms = now_ms
            return self.table

    def snapshot(self) -> dict[str, Any]:
        """The newest answer as the page reads it; no rows before the first answer."""
        named = self.panel.named()
        table = self.table or Table((), [])
        return {
            "name": named.name,
            "question": named.question,
            "unit": named.unit,
            "at_ms": self._at_ms,
            "span_s": self.panel.span_s,
            "columns": table.columns,
            "rows": table.rows,
        }


class Sampler:
    """Every live panel, the headline made of them, and the store's state."""

    def __init__(
        self, panels: Sequence[Panel], store: Asked, hub: Hub, clock_ms: Callable[[], int], gateway_url: str = ""
    ) -> None:
        self.panels = {panel.query: LivePanel(panel, store, clock_ms) for panel in panels}
        self.state = StoreState(since_ms=clock_ms())
        self._failing: dict[str, str] = {}
        self._hub = hub
        self._clock_ms = clock_ms
        self._gateway_url = gateway_url
        self._published: dict[str, Table] = {}

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._pulse())
            for live in self.panels.values():
                tasks.create_task(self._keep_fresh(live))

    async def overview(self) -> dict[str, Any]:
        """Every panel at most its own period old, the headline and the store's state; never raises Transient."""
        await asyncio.gather(*(self._refresh(live) for live in self.panels.values()))
        return {**self._now(), "panels": {name: live.snapshot() for name, live in self.panels.items()}}

    async def check(self) -> str:
        """Empty when the store answers, else the sentence; asked now unless an answer is a second old."""
        live = next(iter(self.panels.values()))
        await self._refresh(live)
        return self._failing.get(live.panel.query, "")

    def pulse(self) -> bytes:
        """The time, the store's state and the headline, as JSON."""
        return _encode(self._now())

    def now_ms(self) -> int:
        """Wall time in epoch milliseconds, by the clock the panels use."""
        return self._clock_ms()

    async def _keep_fresh(self, live: LivePanel) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._hub.watched()
            began = loop.time()
            await self._refresh(live)
            self._publish(live)
            await asyncio.sleep(max(live.panel.every_s, _REST * (loop.time() - began)))

    async def _refresh(self, live: LivePanel) -> None:
        name = live.panel.query
        try:
            await live.fresh(live.panel.every_s / 2)
        except Transient as error:
            self._failing[name] = str(error)
        else:
            self._failing.pop(name, None)
        self._note_change()

    def _publish(self, live: LivePanel) -> None:
        name = live.panel.query
        if live.table is not None and self._published.get(name) != live.table:
            self._published[name] = live.table
            self._hub.publish(name, _encode(live.snapshot()))
            if name in _HEADLINE:
                self._beat()

    async def _pulse(self) -> None:
        while True:
            await self._hub.watched()
            self._beat()
            await asyncio.sleep(_PULSE_S)

    def _beat(self) -> None:
        self._hub.publish("pulse", self.pulse(), is_kept=False)

    def _note_change(self) -> None:
        """One panel without an answer is enough to say so; `since_ms` is when the first one failed."""
        sentence = next(iter(self._failing.values()), "")
        if self.state.is_well == bool(sentence):
            self.state = StoreState(is_well=not sentence, since_ms=self._clock_ms())
            _log.warning("store state changed", extra={"is_well": not sentence, "panels": sorted(self._failing)})
        self.state.sentence = sentence

    def _now(self) -> dict[str, Any]:
        return {
            "at_ms": self._clock_ms(),
            "store": asdict(self.state),
            "headline": self._headline(),
            "gateway_url": self._gateway_url,
        }

    def _headline(self) -> dict[str, Any] | None:
        """None until both of its panels have an answer: silence is better than a wrong all-clear."""
        scores, paused = map(self._records, _HEADLINE)
        return None if scores is None or paused is None else asdict(headline(scores, paused))

    def _records(self, name: str) -> list[dict[str, Any]] | None:
        live = self.panels.get(name)
        return None if live is None or live.table is None else live.table.records()
