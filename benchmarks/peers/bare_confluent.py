"""No engine: confluent-kafka's consumer, fastavro and a dict. Keeps no durable state and commits nothing."""

from __future__ import annotations

from collections import Counter

from confluent_kafka import Consumer

from benchmarks.peers.job import MINUTE_MS, SESSION_MS, Meter, arguments, decoder, tell


def main() -> None:
    """Count everything."""
    given, decode, counts = arguments(), decoder(), Counter[tuple[str, str, int]]()
    consumer = Consumer(
        {
            "bootstrap.servers": given.broker,
            "group.id": given.group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "session.timeout.ms": SESSION_MS,
            "queued.min.messages": 100_000,
            "fetch.queue.backoff.ms": 10,  # the default second leaves a consumer idle that is catching up
        }
    )
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
