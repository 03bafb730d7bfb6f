"""A reputation worker without its scorer: the lane and its state, for kill tests.

python -m tests.lane_worker BOOTSTRAP TOPIC GROUP CHANGELOG [torn]

With `torn`, the first flush of a partition dies between its rows and its marker.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from faust.worker import Worker

from schemas.avro import Codec
from streams import logs
from streams.agents import reputation
from streams.agents.app import worker_app
from streams.core.partials import PartitionCounts
from streams.lane.changelog import StatefulLane
from streams.lane.guard import apart
from streams.lane.lane import LaneSettings
from streams.lane.part import Part
from streams.telemetry import Telemetry


class TornLane(StatefulLane[PartitionCounts]):
    """Writes the rows of its first large flush, makes them safe, and dies before the marker."""

    def _write(self, part: Part[PartitionCounts], cut: Any) -> None:
        if len(cut.rows) > 20:
            producer = self._producers[part.number]
            producer.begin_transaction()
            for key, value in cut.rows:
                producer.produce(self.changelog, value, key, part.number)
            producer.flush(10)
            os._exit(9)
        super()._write(part, cut)


def main() -> None:
    """Run until killed."""
    bootstrap, topic, group, changelog = sys.argv[1:5]
    kind = TornLane if sys.argv[5:] == ["torn"] else StatefulLane
    logs.set_up("INFO")
    codec = Codec()
    app = worker_app(group, bootstrap, is_lane=True, session_timeout_ms=6_000)
    settings = LaneSettings(bootstrap=bootstrap, group=group, topic=topic, flush_s=0.2, session_timeout_ms=6_000)
    lane: StatefulLane[PartitionCounts] = kind(
        app, settings, changelog=changelog, codec=codec, new_state=lambda n: PartitionCounts(n, codec, apart)
    )
    app.service(lane)
    reputation.attach(app, lane, Telemetry())
    Worker(app, loglevel="INFO", redirect_stdouts=False, override_logging=False, quiet=True).execute_from_commandline()


if __name__ == "__main__":
    main()
