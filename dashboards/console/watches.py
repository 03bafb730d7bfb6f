"""The live panels, once for each scope that is watched: who sees some tenants only must not read what others are sent.

A set of tenants has panels of its own, asked only while somebody watches them. There are at most 16 such sets; a
new one takes the place of the one that was longest without a viewer.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from dashboards.console.hub import HouseFullError, Hub
from dashboards.console.panels import Panel
from dashboards.console.sampler import Sampler
from dashboards.console.scope import EVERYTHING, Scope, within
from dashboards.console.store import Store, Table
from dashboards.queries import NamedQuery

MOST_SCOPES = 16  # eleven panels each, two to four queries a second: what one store answers beside its work
_MOST_SCOPED_VIEWERS = 50  # of one scope; all scopes together stay near the house's own bound
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Watch:
    """The panels of one scope, and their viewers."""

    sampler: Sampler
    hub: Hub


@dataclass(frozen=True, slots=True)
class _InScope:
    """The store as a scope's panels ask it, whoever's request made them do so."""

    store: Store
    scope: Scope

    async def run(self, named: NamedQuery, parameters: Mapping[str, int | str]) -> Table:
        """The query's answer. Raises Transient."""
        with within(self.scope):
            return await self.store.run(named, parameters)


class Watches:
    """Samplers and hubs by scope. `clock_ms`: wall time."""

    def __init__(
        self, panels: Sequence[Panel], store: Store, clock_ms: Callable[[], int], gateway_url: str, max_viewers: int
    ) -> None:
        self._panels, self._store, self._clock_ms, self._gateway_url = panels, store, clock_ms, gateway_url
        self.everyone = self._new(EVERYTHING, max_viewers)
        self._scoped: OrderedDict[Scope, Watch] = OrderedDict()
        self._tasks: dict[Scope, asyncio.Task[None]] = {}

    def now_ms(self) -> int:
        """Wall time in epoch milliseconds, by the clock the panels use."""
        return self._clock_ms()

    def of(self, scope: Scope) -> Watch:
        """The panels of that scope. Raises HouseFullError."""
        if scope.is_all:
            return self.everyone
        watch = self._scoped.get(scope)
        if watch is None:
            self._make_room()
            watch = self._scoped[scope] = self._new(scope, _MOST_SCOPED_VIEWERS)
            task = self._tasks[scope] = asyncio.create_task(watch.sampler.run())
            task.add_done_callback(_say_why)
        self._scoped.move_to_end(scope)
        return watch

    def close(self) -> None:
        """End every viewer's stream."""
        for watch in (self.everyone, *self._scoped.values()):
            watch.hub.close()

    async def stop(self) -> None:
        """End the panels of the scopes; those for everyone are run by whoever made this."""
        for task in self._tasks.values():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def _new(self, scope: Scope, max_viewers: int) -> Watch:
        hub = Hub(max_viewers)
        return Watch(Sampler(self._panels, _InScope(self._store, scope), hub, self._clock_ms, self._gateway_url), hub)

    def _make_room(self) -> None:
        if len(self._scoped) < MOST_SCOPES:
            return
        idle = next((scope for scope, watch in self._scoped.items() if not watch.hub.viewers), None)
        if idle is None:
            raise HouseFullError(f"people of {MOST_SCOPES} sets of tenants already watch; try again in a minute")
        del self._scoped[idle]
        self._tasks.pop(idle).cancel()


def _say_why(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        _log.error("the panels of a scope ended; their viewers see old figures", exc_info=error)
