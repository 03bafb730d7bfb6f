"""The producer, the topics and the gateway on brokers that run, go away and come back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined] # public, but not listed in __all__
    AdminClient,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from schemas.avro import Codec
from schemas.envelope import RawWebhook
from schemas.errors import Misconfigured, Transient
from schemas.topics import EMAIL_EVENTS, REPUTATION_SCORES, TOPICS, WEBHOOKS
from streams.kafka import LogProducer, Record, apply_topics
from streams.local.broker import Broker, Tansu
from tests.brokers import StartKafka
from tests.unit.streams.gateway.gate import Gate, config_of, serving, sign, until

DEADLINE_S = 30.0
ACK_S = 2.0
PATIENCE_S = 120.0  # starting Kafka blocks the event loop, for children are started in the main thread
BATCH = 3000
# Kafka's own vectors for murmur2 (UtilsTest.testMurmur2), which Java clients partition by.
MURMUR2 = {b"21": -973932308, b"foobar": -790332482, b"abc": 479470107, b"a-little-bit-long-string": -985981536}


@asynccontextmanager
async def producing(bootstrap: str, ack_timeout_s: float = ACK_S) -> AsyncIterator[LogProducer]:
    log = LogProducer(bootstrap, ack_timeout_s=ack_timeout_s)
    try:
        yield log
    finally:
        await asyncio.to_thread(log.close)


class Found(NamedTuple):
    partition: int
    offset: int
    key: bytes | None
    value: Any
    headers: Any


def read(bootstrap: str, topic: str, is_enough: Callable[[list[Found]], bool]) -> list[Found]:
    """The records of a topic from its beginning until there are enough, or the deadline."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "reader", "enable.auto.commit": False})
    partitions = consumer.list_topics(topic, timeout=DEADLINE_S).topics[topic].partitions
    consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
    found: list[Found] = []
    deadline = time.monotonic() + DEADLINE_S
    try:
        while not is_enough(found) and time.monotonic() < deadline:
            for message in consumer.consume(1000, 0.2):
                assert message.error() is None
                at = (message.partition() or 0, message.offset() or 0)
                found.append(Found(*at, message.key(), message.value(), message.headers()))
    finally:
        consumer.close()
    return found


def bodies(found: list[Found]) -> set[bytes]:
    return {Codec().decode(record.value, RawWebhook).body for record in found}


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096 / 2**20


async def test_what_is_acknowledged_can_be_read_where_it_was_said_to_be(
    broker: Broker, unique: Callable[[str], str]
) -> None:
    topic = unique("sent")
    make_topic(broker.bootstrap, topic, 1)
    async with producing(broker.bootstrap, 10) as log:
        await log.warm_up(10, [topic])
        assert log.is_available()
        first = await log.send(topic, b"value", b"key", headers=[("trace", b"1")])
        second = await log.send(topic, None, b"key", partition=0)
    assert (first, second) == ((0, 0), (0, 1))
    kept = read(broker.bootstrap, topic, lambda found: len(found) == 2)
    assert kept[0] == (0, 0, b"key", b"value", [("trace", b"1")])
    assert kept[1].value is None


async def test_thousands_of_records_are_acknowledged_with_one_position_each(
    broker: Broker, unique: Callable[[str], str]
) -> None:
    topic = unique("many")
    make_topic(broker.bootstrap, topic, 4)
    records = [Record(topic, b"%d" % n, b"%d" % n) for n in range(BATCH)]
    async with producing(broker.bootstrap, 10) as log:
        await log.warm_up(10, [topic])
        positions = await log.send_all(records)
        again = await asyncio.to_thread(log.produce_all, records[:10])
    kept = read(broker.bootstrap, topic, lambda found: len(found) == BATCH + 10)
    found = {(record.partition, record.offset): record.value for record in kept}
    assert [found[position] for position in positions] == [record.value for record in records]
    assert [found[position] for position in again] == [record.value for record in records[:10]]


async def test_keys_go_where_java_clients_put_them(broker: Broker, unique: Callable[[str], str]) -> None:
    topic = unique("keyed")
    make_topic(broker.bootstrap, topic, 7)
    async with producing(broker.bootstrap, 10) as log:
        placed = [(await log.send(topic, b"x", key))[0] for key in MURMUR2]
    assert placed == [(value & 0x7FFFFFFF) % 7 for value in MURMUR2.values()]


async def test_a_missing_topic_is_named_before_the_gateway_calls_itself_ready(tmp_path: Path) -> None:
    with Tansu(tmp_path) as tansu:
        async with producing(tansu.bootstrap) as log:
            with pytest.raises(Transient, match=r"no topic mailweir\.webhooks\.v1; run `mailweir topics apply`"):
                await log.warm_up(5, [WEBHOOKS.name])
            apply_topics(tansu.bootstrap, 2, 1)
            await log.warm_up(5, [WEBHOOKS.name])


def test_topics_are_created_once_and_what_exists_is_left_alone(tmp_path: Path) -> None:
    with Tansu(tmp_path) as tansu:
        planned = apply_topics(tansu.bootstrap, 2, 1, dry_run=True)
        assert planned[0] == "mailweir.webhooks.v1: would be created with 2 partitions, 168 hours kept"
        assert apply_topics(tansu.bootstrap, 2, 1)[0] == planned[0].replace("would be created", "created")
        assert set(apply_topics(tansu.bootstrap, 2, 1)) == {
            f"{topic.name}: exists with {'2 partitions' if topic.is_partitioned else '1 partition'}" for topic in TOPICS
        }
        grown = apply_topics(tansu.bootstrap, 4, 1)
        assert grown[0].startswith("mailweir.webhooks.v1: has 2 partitions, configured are 4; left as it is")
        assert apply_topics(tansu.bootstrap, 2, 1)[0] == "mailweir.webhooks.v1: exists with 2 partitions"


@pytest.mark.kafka
def test_kafka_accepts_the_topics_with_their_retention_and_refuses_too_many_copies(kafka: Broker) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    existing = admin.list_topics(timeout=DEADLINE_S).topics
    missing = [topic for topic in TOPICS if topic.name not in existing]
    if missing:
        with pytest.raises(Misconfigured, match=r"refuses to create it.*MAILWEIR_REPLICATION"):
            apply_topics(kafka.bootstrap, 4, 3)
    apply_topics(kafka.bootstrap, 4, 1)
    said = {name: config_on(admin, name) for name in (EMAIL_EVENTS.name, REPUTATION_SCORES.name)}
    assert said[EMAIL_EVENTS.name]["retention.ms"] == str(EMAIL_EVENTS.retention_ms)
    assert said[EMAIL_EVENTS.name]["cleanup.policy"] == "delete"
    assert said[REPUTATION_SCORES.name]["cleanup.policy"] == "compact"


async def test_a_large_request_fits_into_the_log(broker: Broker) -> None:
    apply_topics(broker.bootstrap, 4, 1)
    body = bytes(range(256)) * (18 * 4096)  # 18 MB, hardly compressible to nothing by the producer
    async with producing(broker.bootstrap, 15) as log:
        await log.warm_up(10, [WEBHOOKS.name])
        assert (await log.send(WEBHOOKS.name, body))[1] >= 0


async def test_while_the_broker_is_away_every_post_gets_the_retry_status_and_memory_is_bounded(
    tmp_path: Path,
) -> None:
    body = b"x" * 16_000
    with Tansu(tmp_path) as tansu:
        apply_topics(tansu.bootstrap, 2, 1)
        async with producing(tansu.bootstrap) as log, serving(config_of({"max_in_flight": 100}), log=log) as gate:
            await log.warm_up(5, [WEBHOOKS.name])
            assert (await gate.post("hmac", body)).status_code == 200
            tansu.kill()
            before = resident_mb()
            async with asyncio.timeout(
                150
            ):  # four rounds of a hundred at two seconds each; librdkafka's own limit is 300
                answers = await asyncio.gather(*(gate.post("hmac", body) for _ in range(400)))
            assert {answer.status_code for answer in answers} <= {429, 503}
            assert all("Retry-After" in answer.headers for answer in answers)
            assert log.queued == 0
            assert await gate.metric("held_bytes") == 0
            assert resident_mb() - before < 80
            await comes_back(tansu, tmp_path, gate, body)


async def comes_back(tansu: Tansu, folder: Path, gate: Gate, body: bytes) -> None:
    """Without help the gateway takes posts again on a new broker at the old address."""
    assert (await gate.client.get("/readyz")).status_code == 503
    with Tansu(folder, port=tansu.port) as again:
        apply_topics(again.bootstrap, 2, 1)
        async with asyncio.timeout(DEADLINE_S):
            while (await gate.post("hmac", body)).status_code != 200:
                pass
            while (await gate.client.get("/readyz")).status_code != 200:
                pass
        assert bodies(read(again.bootstrap, WEBHOOKS.name, bool)) == {body}


@pytest.mark.parametrize("outage", [1, 2, 3])
async def test_a_broker_that_has_forgotten_the_producer_is_taken_up_again(tmp_path: Path, outage: int) -> None:
    """Nothing is in flight when it goes: librdkafka then bumps its epoch for ever instead of ending itself."""
    with Tansu(tmp_path) as tansu:
        apply_topics(tansu.bootstrap, 1, 1)
        async with producing(tansu.bootstrap) as log:
            await log.warm_up(5, [WEBHOOKS.name])
            for number in range(outage):
                await log.send(WEBHOOKS.name, b"%d" % number)
            tansu.kill()
            with Tansu(tmp_path, port=tansu.port) as again:
                apply_topics(again.bootstrap, 1, 1)
                async with asyncio.timeout(DEADLINE_S):
                    while not await is_sent(log):
                        pass


async def is_sent(log: LogProducer) -> bool:
    try:
        await log.send(WEBHOOKS.name, b"after")
    except Transient:
        return False
    return True


@pytest.mark.kafka
async def test_no_acknowledged_post_is_lost_when_kafka_is_killed_and_started_again(
    start_kafka: StartKafka, tmp_path: Path
) -> None:
    kafka = start_kafka(tmp_path)
    apply_topics(kafka.bootstrap, 2, 1)
    async with producing(kafka.bootstrap, 3) as log, serving(log=log) as gate:
        await log.warm_up(10, [WEBHOOKS.name])
        accepted: list[bytes] = []
        statuses: list[int] = []
        stop = asyncio.Event()
        senders = [asyncio.create_task(post_until(gate, stop, number, accepted, statuses)) for number in range(8)]
        await until(lambda: len(accepted) > 200, DEADLINE_S)
        kafka.kill()
        await until(lambda: 503 in statuses, DEADLINE_S)
        before = len(accepted)
        kafka.start()
        await until(lambda: len(accepted) > before + 200, DEADLINE_S)
        stop.set()
        await asyncio.gather(*senders)
    kept = bodies(read(kafka.bootstrap, WEBHOOKS.name, lambda found: set(accepted) <= bodies(found)))
    assert set(accepted) <= kept
    assert set(statuses) <= {200, 503}


async def post_until(gate: Gate, stop: asyncio.Event, sender: int, accepted: list[bytes], statuses: list[int]) -> None:
    number = 0
    while not stop.is_set():
        body = b"%d-%d" % (sender, number)
        number += 1
        response = await gate.client.post("/webhooks/hmac", content=body, headers=sign(body), timeout=PATIENCE_S)
        statuses.append(response.status_code)
        if response.status_code == 200:
            accepted.append(body)


def make_topic(bootstrap: str, name: str, partitions: int) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})  # named, for its futures fail when it is collected
    admin.create_topics([NewTopic(name, partitions, 1)])[name].result(DEADLINE_S)


def config_on(admin: AdminClient, topic: str) -> dict[str, str]:
    resource = ConfigResource(ResourceType.TOPIC, topic)
    found = admin.describe_configs([resource])[resource].result(DEADLINE_S)
    return {name: entry.value for name, entry in found.items()}
