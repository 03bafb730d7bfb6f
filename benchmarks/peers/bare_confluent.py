"""No engine: confluent-kafka's consumer, fastavro and a dict. Keeps no durable state and commits nothing."""

from __future__ import annotations

from collections import Counter

from confluent_kafka import Consumer

from benchmarks.peers.job import MINUTE_MS, Meter, arguments, consumer_settings, decoder, tell


def main() -> None:
    """Count everything."""
    given, decode, counts = arguments(), decoder(), Counter[tuple[str, str, int]]()
    consumer = Consumer(consumer_settings(given))
    consumer.subscribe([given.topic])
    meter, is_done = Meter(given.events), False
    while not is_done:
        messages = consumer.consume(10_000, 0.1)
        if messages:
            meter.start()
        for message in messages:
            event = decode(message.value() or b"")
            counts[event["sending_ip"], event["mailbox_provider"], event["occurred_at"] // MINUTE_MS] += 1
        is_done = meter.add(len(messages))
    measured = meter.stop()
    consumer.close()
    tell(measured, counts)


if __name__ == "__main__":
    main()
