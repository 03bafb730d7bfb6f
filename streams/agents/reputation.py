"""Reputation: email events in, absolute counts per key and minute out (the lane's changelog)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from streams.core.partials import PartitionCounts
from streams.lane.changelog import StatefulLane
from streams.lane.part import Batch
from streams.telemetry import Telemetry


def attach(app: Any, lane: StatefulLane[PartitionCounts], stats: Telemetry) -> None:
    """Add the agent to the app."""

    @app.agent(lane.channel)  # type: ignore[untyped-decorator]  # Faust has no types
    async def count(batches: AsyncIterator[Batch[PartitionCounts]]) -> None:
        async for batch in batches:
            try:
                if lane.accept(batch):
                    batch.part.state.fold(batch.values, batch.offsets)
                    lane.done(batch)
                    stats.show_counted(batch.part.number, batch.part.state.totals)
            except Exception as error:  # noqa: BLE001 - nothing may leave the loop; the process ends and reads again
                await lane.failed(batch, error)
