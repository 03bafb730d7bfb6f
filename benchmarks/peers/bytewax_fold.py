"""Bytewax: `fold_window` over minutes of event time, read to the topic's end; no recovery store."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import bytewax.operators as op
import bytewax.operators.windowing as win
from bytewax.connectors.kafka import KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.operators.windowing import EventClock, TumblingWindower
from bytewax.testing import TestingSink, cluster_main

from benchmarks.peers.job import MINUTE_MS, Meter, arguments, decoder, tell

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def main() -> None:
    """Count everything."""
    given, decode = arguments(), decoder()
    meter, closed = Meter(given.events), list[Any]()
    measured: list[dict[str, float]] = []

    def keyed(message: Any) -> tuple[str, int]:
        meter.start()
        event = decode(message.value)
        return f"{event['sending_ip']}|{event['mailbox_provider']}", event["occurred_at"]

    def fold(count: int, _: Any) -> int:
        if meter.add():
            measured.append(meter.stop())
        return count + 1

    flow = Dataflow("count")
    config = {"group.id": given.group, "fetch.queue.backoff.ms": "10"}
    source = KafkaSource([given.broker], [given.topic], tail=False, batch_size=1_000, add_config=config)
    events = op.map("decode", op.input("read", flow, source), keyed)
    clock = EventClock(
        lambda item: datetime.fromtimestamp(item / 1000, UTC), wait_for_system_duration=timedelta(minutes=30)
    )
    windower = TumblingWindower(length=timedelta(minutes=1), align_to=_EPOCH)
    counted = win.fold_window("count", events, clock, windower, lambda: 0, fold, lambda a, b: a + b)
    op.output("keep", counted.down, TestingSink(closed))
    cluster_main(flow, [], 0)
    counts = Counter[tuple[str, str, int]]()
    for key, (window, count) in closed:
        ip, _, provider = key.partition("|")
        counts[ip, provider, window] += count
    assert MINUTE_MS == 60_000  # a window's number is the minute since the epoch
    tell(measured[0], counts)


if __name__ == "__main__":
    main()
