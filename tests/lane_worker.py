"""A reputation worker without its scorer: the lane and its state, for kill tests.

python -m tests.lane_worker BOOTSTRAP TOPIC GROUP CHANGELOG

SIGRTMIN tears the next flush with rows in it: the process dies when a part of them, or all but the marker,
is safe in the log.
"""

from __future__ import annotations

import os
import random
import signal
import sys
from typing import Any

from faust.worker import Worker

from schemas.avro import Codec
from streams import logs
from streams.agents import folding
from streams.agents.app import worker_app
from streams.core.partials import PartitionCounts
from streams.lane.changelog import StatefulLane
from streams.lane.guard import apart
from streams.lane.part import Part
from streams.lane.settings import LaneSettings
from streams.telemetry import Telemetry

TEAR = signal.SIGRTMIN  # Faust has uses of its own for the usual ones
TORN = 9  # the exit code of a process that died in a flush as it was told to
SESSION_MS = 6_000  # the shortest that Kafka allows


class TornLane(StatefulLane[PartitionCounts]):
    """Dies in a flush when told to."""

    is_told = False

    def tear(self, *_: object) -> None:
        self.is_told = True

    def _write(self, part: Part[PartitionCounts], cut: Any) -> None:
        if self.is_told and cut.rows:
            producer = self._producers[part.number]
            producer.begin_transaction()
            for key, value in cut.rows[: random.randint(1, len(cut.rows))]:
                producer.produce(self.changelog, value, key, part.number)
            producer.flush(10)
            os._exit(TORN)
        super()._write(part, cut)


def main() -> None:
    """Run until killed."""
    bootstrap, topic, group, changelog = sys.argv[1:5]
    logs.set_up("INFO")
    codec = Codec()
    app = worker_app(group, bootstrap, session_timeout_ms=SESSION_MS)
    settings = LaneSettings(bootstrap=bootstrap, group=group, topic=topic, session_timeout_ms=SESSION_MS)
    lane = TornLane(
        app, settings, changelog=changelog, codec=codec, new_state=lambda n: PartitionCounts(n, codec, apart)
    )
    app.service(lane)
    folding.attach(app, lane, Telemetry().show_counted)
    signal.signal(TEAR, lane.tear)
    Worker(app, loglevel="INFO", redirect_stdouts=False, override_logging=False, quiet=True).execute_from_commandline()


if __name__ == "__main__":
    main()
