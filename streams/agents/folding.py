"""The agent of every stage whose state is a fold of one topic: batches in, the lane writes what changes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Protocol

from streams.core.changes import Totals
from streams.lane.changelog import PartitionState, StatefulLane
from streams.lane.part import Batch


class Folding(PartitionState, Protocol):
    """A state that takes a topic's batches in. It never raises for a bad record."""

    totals: Totals

    def fold(self, values: Sequence[bytes | None], offsets: Sequence[int]) -> None:
        """Take these values in, read at these input offsets (rising)."""


def attach(app: Any, lane: StatefulLane[Any], show: Callable[[int, Totals], None]) -> None:
    """Add the lane's agent to the app. `show` is told what a partition has seen, after every batch."""

    @app.agent(lane.channel, name=lane.settings.group)  # type: ignore[untyped-decorator]  # Faust has no types
    async def fold(batches: AsyncIterator[Batch[Folding]]) -> None:
        async for batch in batches:
            try:
                if lane.accept(batch):
                    batch.part.state.fold(batch.values, batch.offsets)
                    lane.done(batch)
                    show(batch.part.number, batch.part.state.totals)
            except Exception as error:  # noqa: BLE001 - nothing may leave the loop; the process ends and reads again
                await lane.failed(batch, error)
