"""The Faust app of a worker process: one app, its lanes, its health page.

Faust's web server, tables and leader topic stay off: a lane keeps the state, `health.py` answers, and
nothing needs a leader. Settings that matter and why are beside them.
"""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import Any

import faust

from streams.lane.lane import LaneOnly


class LaneApp(faust.App):
    """An app whose only inputs are lanes."""

    BootStrategy = LaneOnly


def worker_app(name: str, bootstrap: str, *, session_timeout_ms: int) -> Any:
    """A Faust app of consumer group `name`. Its input are lanes: Faust's own consumer drops what it has fetched
    whenever it goes on after a rebalance (`mode.utils.queues.FlowControlEvent.resume`)."""
    logging.getLogger("aiokafka").setLevel(logging.ERROR)  # builds debug records for every batch otherwise
    return LaneApp(
        name,
        broker=f"aiokafka://{bootstrap}",
        datadir=str(Path(tempfile.gettempdir()) / "mailweir-faust"),  # stays empty: there are no tables
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,  # `mailweir topics apply` makes topics, with the right settings
        stream_wait_empty=False,
        producer_linger=0.02,  # 0 sends one request per record
        broker_session_timeout=session_timeout_ms / 1000,
        broker_heartbeat_interval=session_timeout_ms / 1000 / 10,
        consumer_auto_offset_reset="earliest",
    )
