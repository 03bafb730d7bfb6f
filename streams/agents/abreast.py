"""Keeps several relays abreast in log time while they catch up, so that one log holds things near where they were.

Which of two topics is read faster after a stop is chance. If one were relayed whole before the other, its ticks would
put the clock to now, and all of the other would come late. So who is ahead waits while another one is behind and at
work; who is furthest behind never waits. When all are up to date nobody does. Log time is that of the ticks; without
ticks nothing is held up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

STRETCH_MS = 5_000
"""How much log time a relay has in its turn."""
_NEAR_MS = 2 * STRETCH_MS  # so relays that are up to date never wait, wherever in their stretches they are
_GRACE_S = 1.0  # that one between two batches counts as at work
_LOOK_S = 0.02


@dataclass(slots=True)
class _Runner:
    at_ms: int
    until_s: float  # monotonic; at work until then


class Abreast:
    """The relays of one event loop. `monotonic`: seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._runners: dict[str, _Runner] = {}

    async def turn(self, name: str, at_ms: int, until_s: float) -> bool:
        """A relay has work at hand that is of this log time: wait a moment if its turn has not come; whether it has.

        `until_s`: patience, monotonic; it is everybody's turn then.
        """
        self._runners[name] = _Runner(at_ms, float("inf"))
        if self._monotonic() >= until_s or not self._is_ahead(name, at_ms):
            return True
        await asyncio.sleep(_LOOK_S)
        return False

    def rest(self, name: str) -> None:
        """The relay has nothing at hand; the next batch may come at once."""
        if name in self._runners:
            self._runners[name].until_s = self._monotonic() + _GRACE_S

    def _is_ahead(self, name: str, at_ms: int) -> bool:
        now_s = self._monotonic()
        return any(
            other.at_ms + _NEAR_MS < at_ms and other.until_s > now_s
            for each, other in self._runners.items()
            if each != name
        )
