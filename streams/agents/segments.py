"""The agent of segments: batches of recipient-events in, transitions out; timers between batches.

A batch is followed by the timers that its clock has made due, a piece of them at most; what is left of a flood fires in
further pieces, half of the time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from mode import Service

from schemas.errors import FailureCode
from schemas.failures import Stage
from streams.agents.segment_state import SegmentState
from streams.core.changes import SegmentTotals
from streams.lane.changelog import Records
from streams.lane.disk_lane import DiskLane
from streams.lane.part import Batch, Part

_MOST_UNWRITTEN = 50_000  # rows of some hundred bytes; the next flush makes room
_REST_S = 0.05


class SegmentsLane(DiskLane[SegmentState]):
    """A `DiskLane` that gives back rows with their markers, and fires what timers a batch has left over."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._late: set[Part[SegmentState]] = set()
        self._stirs = asyncio.Event()

    def _take_back(self, state: SegmentState, records: Records) -> bytes | None:
        return state.take_back(*records)

    def _has_news(self, part: Part[SegmentState]) -> bool:
        return super()._has_news(part) or part.state.unwritten > 0

    @property
    def leads(self) -> bool:
        """Whether this process has the first partition, and looks after the rules of all."""
        return self._first is not None

    def past_read(self, tenant: str) -> int:
        """How many facts of a tenant's past were sent before what the first partition has read."""
        first = self._first
        return 0 if first is None else first.state.past.get(tenant, 0)

    def clock(self) -> int:
        """The log's, in ms, as the first partition has it; 0 where this process does not lead."""
        return 0 if self._first is None else self._first.state.clock

    @property
    def _first(self) -> Part[SegmentState] | None:
        part = self.parts.get(0)
        return part if part is not None and part.is_live and not part.is_spoiled else None

    def taken(self, part: Part[SegmentState]) -> None:
        """A batch was taken in: fire timers that are due now, unless a flood of them is being worked off."""
        if part not in self._late:
            self._fire(part)

    def _fire(self, part: Part[SegmentState]) -> None:
        if part.state.fire():
            self._late.add(part)
            self._stirs.set()
        else:
            self._late.discard(part)

    @Service.task
    async def _fire_the_rest(self) -> None:
        while not self.should_stop:
            await self.wait(self._stirs.wait(), timeout=1.0)
            self._late = {part for part in self._late if part.is_live}
            if not self._late:
                self._stirs.clear()
                continue
            ready = [part for part in self._late if part.state.unwritten < _MOST_UNWRITTEN]
            for part in ready:
                await self._fire_live(part)
            if not ready:
                await asyncio.sleep(_REST_S)

    async def _fire_live(self, part: Part[SegmentState]) -> None:
        began_s = time.monotonic()
        if part.is_live and not part.is_spoiled:
            try:
                self._fire(part)
                self._stir()
            except Exception as error:  # noqa: BLE001 - the row may be half changed: write nothing more of it
                part.is_spoiled = True
                await self.crash(error)
        await asyncio.sleep(time.monotonic() - began_s)  # half of the time is for events and flushes


def attach(
    app: Any,
    lane: SegmentsLane,
    show: Callable[[int, SegmentTotals], None],
    count_dead: Callable[[Stage, FailureCode], None],
) -> None:
    """Add the lane's agent to the app. `show` is told what a partition has seen, after every batch."""

    @app.agent(lane.channel, name=lane.settings.group)  # type: ignore[untyped-decorator]  # Faust has no types
    async def take(batches: AsyncIterator[Batch[SegmentState]]) -> None:
        async for batch in batches:
            try:
                if lane.accept(batch):
                    batch.part.state.fold(batch.values, batch.offsets)
                    lane.taken(batch.part)
                    lane.done(batch)
                    show(batch.part.number, batch.part.state.totals)
                    for code in batch.part.state.buried():
                        count_dead(Stage.SEGMENTS, code)
            except Exception as error:  # noqa: BLE001 - nothing may leave the loop; the process ends and reads again
                await lane.failed(batch, error)
