"""Stock Faust: an agent and a Table. With `take` as fifth argument it takes lists of 1,000 events."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import tempfile
from collections import Counter
from typing import Any

import faust
from faust.worker import Worker

from benchmarks.peers.job import MINUTE_MS, SESSION_MS, Arguments, Counts, Meter, decoder, tell

_TAKE, _WITHIN_S = 1_000, 0.1


def build(given: Arguments, *, takes: bool) -> faust.App:
    """The app; its process ends itself when the last event is counted."""
    app = faust.App(
        given.group,
        broker=f"aiokafka://{given.broker}",
        topic_partitions=4,
        topic_replication_factor=1,
        topic_disable_leader=True,
        web_enabled=False,
        datadir=tempfile.mkdtemp(),
        consumer_auto_offset_reset="earliest",
        producer_linger=0.02,  # the default 0 sends a request per change of the table
        stream_wait_empty=False,
        broker_session_timeout=SESSION_MS / 1000,
        broker_rebalance_timeout=SESSION_MS / 1000,
        broker_heartbeat_interval=SESSION_MS / 6000,
    )
    table = app.Table("counts", default=int, partitions=4, use_partitioner=takes)
    topic = app.topic(given.topic, key_type=bytes, value_type=bytes, value_serializer="raw")
    decode, meter, done = decoder(), Meter(given.events), asyncio.Event()

    def count(event: Any) -> None:
        found = decode(event.value)
        minute = found["occurred_at"] // MINUTE_MS
        table[f"{event.message.partition}|{found['sending_ip']}|{found['mailbox_provider']}|{minute}"] += 1

    async def one_by_one(stream: Any) -> None:
        async for event in stream.events():
            meter.start()
            count(event)
            if meter.add():
                done.set()

    async def in_lists(stream: Any) -> None:
        async for events in stream.take_events(_TAKE, within=_WITHIN_S):
            meter.start()
            for event in events:
                count(event)
            if meter.add(len(events)):
                done.set()

    app.agent(topic)(in_lists if takes else one_by_one)

    @app.task  # type: ignore[untyped-decorator]  # Faust has no types
    async def finish() -> None:
        await done.wait()
        measured = meter.stop()
        tell(measured, merged(table))
        os._exit(0)  # what was to be measured is over; an orderly end takes ten seconds

    return app


def merged(table: Any) -> Counts:
    """The table's rows added up over partitions."""
    counts = Counter[tuple[str, str, int]]()
    for key, count in table.items():
        _, ip, provider, minute = key.split("|")
        counts[ip, provider, int(minute)] += count
    return counts


def main() -> None:
    """Run until everything is counted."""
    logging.getLogger("aiokafka").setLevel(logging.ERROR)  # builds debug records that nobody sees otherwise
    takes = sys.argv[5:] == ["take"]
    app = build(Arguments(sys.argv[1:5]), takes=takes)
    Worker(app, loglevel="WARN", redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main()
