"""Brokers for a run: started, given topics, filled, read to the end, ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined] # public, but not in __all__

from benchmarks.events import Made
from streams.lane.changelog import read_to_end
from streams.local.broker import Broker, Tansu
from tests.kafka_broker import CannotStartError, KafkaBroker, missing_tools

_DELIVERY_S = 60.0
Number = Callable[[], int]
Question = Callable[[], bool]


class CannotRunError(Exception):
    """Something a benchmark needs is not there; the text says what."""


@contextmanager
def started(name: str, folder: Path) -> Iterator[Broker]:
    """The broker `name` ("tansu" or "kafka") with its data in `folder`. Raises CannotRunError."""
    folder.mkdir(parents=True, exist_ok=True)
    if name == "tansu":
        with Tansu(folder) as broker:
            yield broker
        return
    missing = missing_tools()
    if missing:
        raise CannotRunError(missing)
    kafka = KafkaBroker(folder, is_short=False)
    try:
        yield kafka.create()
    except CannotStartError as error:
        raise CannotRunError(str(error)) from error
    finally:
        kafka.kill()


def make_topic(bootstrap: str, name: str, partitions: int, *, is_compacted: bool = False) -> None:
    """Create a topic and wait until the cluster lists it. Raises KafkaException."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})
    # Some engines read a topic's retention and take it for granted that there is one.
    config = {"cleanup.policy": "compact"} if is_compacted else {"retention.ms": "604800000"}
    admin.create_topics([NewTopic(name, partitions, 1, config=config)])[name].result(20)
    deadline = time.monotonic() + 20
    while name not in admin.list_topics(timeout=5).topics:
        if time.monotonic() > deadline:
            raise CannotRunError(f"the broker took the topic {name} but does not list it")
        time.sleep(0.02)


def fill(bootstrap: str, topic: str, records: Iterable[Made]) -> int:
    """Write the records; how many. Raises CannotRunError when one was not acknowledged."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "log_level": 2,
            "enable.idempotence": True,
            "compression.type": "lz4",
            "linger.ms": 50,
            "batch.num.messages": 10_000,
            "batch.size": 1_000_000,
            "queue.buffering.max.messages": 500_000,
        }
    )
    count = 0
    for count, made in enumerate(records, 1):
        while not _offered(producer, topic, made):
            producer.poll(0.1)
        if count % 1000 == 0:
            producer.poll(0)
    if producer.flush(_DELIVERY_S):
        raise CannotRunError(f"{topic}: not everything was acknowledged in {_DELIVERY_S:.0f} s")
    return count


def _offered(producer: Producer, topic: str, made: Made) -> bool:
    try:
        producer.produce(topic, made.value, made.key, made.partition)
    except BufferError:
        return False
    return True


def newest(bootstrap: str, topic: str, partitions: Sequence[int]) -> dict[tuple[int, bytes], bytes]:
    """The newest value of every key of a compacted topic, committed records only; tombstones left out."""
    found: dict[tuple[int, bytes], bytes] = {}
    reader = Consumer({**_reader(bootstrap), "isolation.level": "read_committed"})
    try:
        for message in read_to_end(reader, topic, partitions):
            place = (message.partition() or 0, message.key() or b"")
            value = message.value()
            if value is None:
                found.pop(place, None)
            else:
                found[place] = value
    finally:
        reader.close()
    return found


@contextmanager
def tail(bootstrap: str, topic: str, partitions: int) -> Iterator[Consumer]:
    """A consumer of what comes into the topic from now on, with as little waiting as the client allows."""
    reader = Consumer({**_reader(bootstrap), "fetch.wait.max.ms": 10, "fetch.queue.backoff.ms": 1})
    try:
        ends = [_end(reader, topic, number) for number in range(partitions)]
        reader.assign([TopicPartition(topic, number, end) for number, end in enumerate(ends)])
        yield reader
    finally:
        reader.close()


def _end(reader: Consumer, topic: str, number: int) -> int:
    _, high = reader.get_watermark_offsets(TopicPartition(topic, number), timeout=20)
    return max(0, int(high))


def _reader(bootstrap: str) -> dict[str, str | int | bool]:
    return {
        "bootstrap.servers": bootstrap,
        "log_level": 2,
        "group.id": "mailweir-bench-reader",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "auto.offset.reset": "earliest",
    }
