"""No engine and no state, the upper bound: confluent-kafka's consumer, our compiled reader, counts of one group."""

from __future__ import annotations

from collections import Counter

import numpy as np
from confluent_kafka import Consumer

from benchmarks.peers.job import FIELDS, MINUTE_MS, Meter, arguments, consumer_settings, tell
from schemas.avro import Codec
from schemas.events import EmailEvent
from streams.core.columns import read_records


def main() -> None:
    """Count everything."""
    given, counts, codec = arguments(), Counter[tuple[str, str, int]](), Codec()
    read_records([b""], EmailEvent, FIELDS, codec)
    consumer = Consumer(consumer_settings(given))
    consumer.subscribe([given.topic])
    meter, is_done = Meter(given.events), False
    while not is_done:
        messages = consumer.consume(10_000, 0.1)
        if not messages:
            continue
        meter.start()
        read = read_records([message.value() for message in messages], EmailEvent, FIELDS, codec)
        ((codes, firsts),) = read.block.code([("sending_ip", "mailbox_provider")], read.rows)
        minutes, minute_codes = np.unique(read.block.number("occurred_at")[read.rows] // MINUTE_MS, return_inverse=True)
        groups, sizes = np.unique(codes * len(minutes) + minute_codes, return_counts=True)
        texts = [[read.block.text(name, row) for name in ("sending_ip", "mailbox_provider")] for row in firsts.tolist()]
        for group, size in zip(groups.tolist(), sizes.tolist(), strict=True):
            ip, provider = texts[group // len(minutes)]
            counts[ip, provider, int(minutes[group % len(minutes)])] += size
        is_done = meter.add(len(messages))
    measured = meter.stop()
    consumer.close()
    tell(measured, counts)


if __name__ == "__main__":
    main()
