"""No engine, the upper bound: confluent-kafka's consumer, Avro bodies read as columns by polars, a dict of groups."""

from __future__ import annotations

import io
from collections import Counter

import polars as pl
from confluent_kafka import Consumer

from benchmarks.peers.job import FIELDS, HEADER_SIZE, MINUTE_MS, SESSION_MS, Meter, arguments, tell
from schemas.avro import container, newest
from schemas.events import EmailEvent

_GROUPS = ("sending_ip", "mailbox_provider", "minute")


def main() -> None:
    """Count everything."""
    given, counts = arguments(), Counter[tuple[str, str, int]]()
    version = newest(EmailEvent)
    consumer = Consumer(
        {
            "bootstrap.servers": given.broker,
            "group.id": given.group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "session.timeout.ms": SESSION_MS,
            "queued.min.messages": 100_000,
            "fetch.queue.backoff.ms": 10,
        }
    )
    consumer.subscribe([given.topic])
    meter, is_done = Meter(given.events), False
    while not is_done:
        messages = consumer.consume(10_000, 0.1)
        if not messages:
            continue
        meter.start()
        values = [message.value() or b"" for message in messages]
        block = container(version, [value[HEADER_SIZE:] for value in values])
        frame = pl.read_avro(io.BytesIO(block), columns=list(FIELDS))
        minute = pl.col("occurred_at").to_physical() // MINUTE_MS
        groups = frame.group_by("sending_ip", "mailbox_provider", minute=minute).len()
        for ip, provider, at, count in groups.select(*_GROUPS, "len").iter_rows():
            counts[ip, provider, at] += count
        is_done = meter.add(len(messages))
    measured = meter.stop()
    consumer.close()
    tell(measured, counts)


if __name__ == "__main__":
    main()
