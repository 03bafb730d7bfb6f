"""What mailweir asks of a broker, asked of both: Tansu, which a newcomer meets first, and Apache Kafka."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined] # public, but not listed in __all__
    AdminClient,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from streams.local.broker import Broker
from tests.brokers import StartKafka

Unique = Callable[[str], str]
DEADLINE_S = 20.0


def create_topic(broker: Broker, name: str, partitions: int = 1, config: dict[str, str] | None = None) -> None:
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    topic = NewTopic(name, num_partitions=partitions, replication_factor=1, config=config or {})
    admin.create_topics([topic])[name].result(DEADLINE_S)


def produce(broker: Broker, topic: str, values: list[bytes]) -> None:
    errors: list[KafkaError] = []
    producer = Producer({"bootstrap.servers": broker.bootstrap, "enable.idempotence": True})
    for value in values:
        producer.produce(topic, value, on_delivery=lambda error, _: errors.append(error) if error else None)
    assert producer.flush(DEADLINE_S) == 0
    assert errors == []


def read_to_the_end(broker: Broker, topic: str, partition: int = 0, isolation: str = "read_committed") -> list[bytes]:
    """All values, up to the end that the broker reports with a fetch."""
    consumer = Consumer(
        {
            "bootstrap.servers": broker.bootstrap,
            "group.id": "reader",
            "enable.partition.eof": True,
            "enable.auto.commit": False,
            "isolation.level": isolation,
        }
    )
    consumer.assign([TopicPartition(topic, partition, 0)])
    values: list[bytes] = []
    deadline = time.monotonic() + DEADLINE_S
    try:
        while time.monotonic() < deadline:
            message = consumer.poll(0.5)
            if message is None:
                continue
            error = message.error()
            if error is not None:
                assert error.code() == KafkaError._PARTITION_EOF, error
                return values
            values.append(message.value() or b"")
    finally:
        consumer.close()
    raise AssertionError(f"the end of {topic} was not reached in {DEADLINE_S} s; {len(values)} read")


def transactional(broker: Broker, transactional_id: str) -> Producer:
    producer = Producer({"bootstrap.servers": broker.bootstrap, "transactional.id": transactional_id})
    producer.init_transactions(DEADLINE_S)
    return producer


def commit_one(producer: Producer, topic: str, value: bytes) -> None:
    producer.begin_transaction()
    producer.produce(topic, value)
    producer.commit_transaction(DEADLINE_S)


def test_records_come_back_in_order_and_unchanged(broker: Broker, unique: Unique) -> None:
    topic = unique("order")
    create_topic(broker, topic)
    sent = [b"%d" % number for number in range(1000)]
    produce(broker, topic, sent)
    assert read_to_the_end(broker, topic) == sent


def test_a_topic_has_the_partitions_it_was_created_with(broker: Broker, unique: Unique) -> None:
    topic = unique("partitions")
    create_topic(broker, topic, partitions=3)
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    assert sorted(admin.list_topics(topic, timeout=DEADLINE_S).topics[topic].partitions) == [0, 1, 2]


def test_creating_a_topic_twice_is_refused_by_name(broker: Broker, unique: Unique) -> None:
    topic = unique("twice")
    create_topic(broker, topic)
    with pytest.raises(KafkaException) as caught:
        create_topic(broker, topic)
    assert caught.value.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS


def test_compaction_is_accepted_and_reported(broker: Broker, unique: Unique) -> None:
    topic = unique("compacted")
    create_topic(broker, topic, config={"cleanup.policy": "compact"})
    resource = ConfigResource(ResourceType.TOPIC, topic)
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    config = admin.describe_configs([resource])[resource].result(DEADLINE_S)
    assert config["cleanup.policy"].value == "compact"


def test_a_committed_transaction_is_visible(broker: Broker, unique: Unique) -> None:
    topic = unique("transaction")
    create_topic(broker, topic)
    producer = transactional(broker, unique("id"))
    producer.begin_transaction()
    producer.produce(topic, b"one")
    producer.produce(topic, b"two")
    producer.commit_transaction(DEADLINE_S)
    assert read_to_the_end(broker, topic) == [b"one", b"two"]


def test_a_second_owner_of_a_transactional_id_cuts_off_the_first(broker: Broker, unique: Unique) -> None:
    topic, owner = unique("fenced"), unique("owner")
    create_topic(broker, topic)
    paused = transactional(broker, owner)
    commit_one(paused, topic, b"before")
    successor = transactional(broker, owner)

    with pytest.raises(KafkaException) as caught:
        commit_one(paused, topic, b"late")
    assert caught.value.args[0].code() in {KafkaError._FENCED, KafkaError.PRODUCER_FENCED}

    commit_one(successor, topic, b"after")
    assert read_to_the_end(broker, topic) == [b"before", b"after"]


def test_a_group_gets_its_partitions_and_keeps_its_position(broker: Broker, unique: Unique) -> None:
    topic, group = unique("grouped"), unique("group")
    create_topic(broker, topic)
    produce(broker, topic, [b"one", b"two"])
    first = next_in_group(broker, topic, group)
    assert first.value() == b"one"
    assert next_in_group(broker, topic, group).value() == b"two"


def next_in_group(broker: Broker, topic: str, group: str) -> Message:
    """Join, take one record, commit it, leave."""
    consumer = Consumer(
        {
            "bootstrap.servers": broker.bootstrap,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "session.timeout.ms": 6000,  # a first join on Tansu lasts half of it
        }
    )
    consumer.subscribe([topic])
    deadline = time.monotonic() + DEADLINE_S
    try:
        while time.monotonic() < deadline:
            message = consumer.poll(0.5)
            if message is not None and message.error() is None:
                consumer.commit(message=message, asynchronous=False)
                return message
    finally:
        consumer.close()
    raise AssertionError(f"the group read nothing from {topic} in {DEADLINE_S} s")


@pytest.mark.kafka
def test_kafka_keeps_acknowledged_records_over_kill_and_start(start_kafka: StartKafka, tmp_path: Path) -> None:
    kafka = start_kafka(tmp_path)
    create_topic(kafka, "kept")
    produce(kafka, "kept", [b"one", b"two"])
    where = kafka.bootstrap
    kafka.kill()
    kafka.start()
    assert kafka.bootstrap == where
    assert read_to_the_end(kafka, "kept") == [b"one", b"two"]
