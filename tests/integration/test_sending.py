"""A call in parts on real brokers: everything arrives once, under its key, in the order it was handed over."""

from __future__ import annotations

import time
from collections.abc import Callable

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined] # public, but not in __all__

from streams.kafka import LogProducer
from streams.local.broker import Broker

PARTS, SIZE, PARTITIONS = 30, 400, 3
DEADLINE_S = 60.0


async def test_what_is_sent_in_parts_is_all_there_and_in_order(broker: Broker, unique: Callable[[str], str]) -> None:
    topic = unique("parts")
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    admin.create_topics([NewTopic(topic, PARTITIONS, 1)])[topic].result(20)
    log = LogProducer(broker.bootstrap, ack_timeout_s=20, max_queue_messages=5_000)
    await log.warm_up(20, [topic])
    sending = log.begin()
    for part in range(PARTS):
        numbers = range(part * SIZE, (part + 1) * SIZE)
        await sending.add(topic, [(b"%d" % number, b"key%d" % (number % 7)) for number in numbers])
    await sending.finish()
    assert log.close() == 0
    by_key: dict[bytes, list[int]] = {}
    for key, value in read(broker.bootstrap, topic, PARTS * SIZE):
        by_key.setdefault(key, []).append(int(value))
    assert by_key == {b"key%d" % k: [n for n in range(PARTS * SIZE) if n % 7 == k] for k in range(7)}


def read(bootstrap: str, topic: str, expected: int) -> list[tuple[bytes, bytes]]:
    """Keys and values in the order of each partition, at least `expected` of them."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": topic})
    consumer.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
    found: list[tuple[bytes, bytes]] = []
    deadline = time.monotonic() + DEADLINE_S
    try:
        while len(found) < expected:
            assert time.monotonic() < deadline, f"only {len(found)} of {expected} records came back"
            messages = consumer.consume(1000, 0.5)
            found += [(m.key() or b"", m.value() or b"") for m in messages if m.error() is None]
    finally:
        consumer.close()
    return found
