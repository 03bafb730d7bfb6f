"""mailweir's reputation lane as one process.

python -m benchmarks.lane_process BROKER TOPIC EVENTS GROUP CHANGELOG BATCH SESSION_MS; BATCH 0 is the product's.

The product's lane, agent and state with everything on: all kinds of keys, duplicates by event id, rows and
markers in transactions to the changelog. No scorer, which is a thread of its own with its own topic. It
measures from the first batch until a flush that holds the last event is durable, and then ends. With 0
events it runs until it is killed.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import sys
from collections.abc import Sequence
from typing import Any

from faust.worker import Worker
from mode import Service

from benchmarks.peers.job import Arguments, Meter, tell
from schemas.avro import Codec
from streams import logs
from streams.agents import folding
from streams.agents.app import worker_app
from streams.core.partials import PartitionCounts
from streams.lane.changelog import StatefulLane
from streams.lane.guard import apart
from streams.lane.lane import LaneSettings
from streams.telemetry import Telemetry

_POLL_S = 0.01


class Watched(PartitionCounts):
    """The state, with a meter at its door."""

    meter: Meter

    def fold(self, values: Sequence[bytes | None], offsets: Sequence[int]) -> None:
        """Count and time a batch."""
        self.meter.start()
        super().fold(values, offsets)
        self.meter.add(len(values))


class Finish(Service):
    """Ends the process once everything is counted and durable."""

    def __init__(self, lane: StatefulLane[PartitionCounts], meter: Meter) -> None:
        super().__init__()
        self._lane, self._meter = lane, meter

    @Service.task
    async def _watch(self) -> None:
        while self._meter.seen < self._meter.events:  # noqa: ASYNC110 - the state has no event to await
            await asyncio.sleep(_POLL_S)
        await asyncio.gather(*(self._lane.flush(part) for part in list(self._lane.parts.values())))
        tell(self._meter.stop())
        os._exit(0)


def settings_of(given: Arguments, batch: int, session_ms: int) -> LaneSettings:
    """The product's settings but for the names, the session's length and, where asked for, the batch."""
    settings = LaneSettings(bootstrap=given.broker, group=given.group, topic=given.topic, session_timeout_ms=session_ms)
    return dataclasses.replace(settings, batch=batch) if batch else settings


def build(given: Arguments, changelog: str, batch: int, session_ms: int) -> Any:
    """The Faust app."""
    codec, meter = Codec(), Meter(given.events)

    def new_state(number: int) -> PartitionCounts:
        state = Watched(number, codec, apart)
        state.meter = meter
        return state

    app = worker_app(given.group, given.broker, session_timeout_ms=session_ms)
    lane: StatefulLane[PartitionCounts] = StatefulLane(
        app, settings_of(given, batch, session_ms), changelog=changelog, codec=codec, new_state=new_state
    )
    app.service(lane)
    if given.events:
        app.service(Finish(lane, meter))
    folding.attach(app, lane, Telemetry().show_counted)
    return app


def main() -> None:
    """Run until the last event is durable, or killed."""
    given, (changelog, batch, session_ms) = Arguments(sys.argv[1:5]), sys.argv[5:]
    logs.set_up("INFO")
    app = build(given, changelog, int(batch), int(session_ms))
    Worker(app, loglevel="INFO", redirect_stdouts=False, override_logging=False, quiet=True).execute_from_commandline()


if __name__ == "__main__":
    main()
