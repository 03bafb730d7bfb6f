"""Exact state beside the position, in one log: rows, then a marker, written by one owner at a time.

A row says "everything of this key up to input offset o", a pure function of the input log: true whoever
wrote it. Each flush writes the changed rows and then a marker "all input below N is above" to the
changelog partition of the same number, in one transaction whose id belongs to the partition. A new
owner first fences off the old one, then takes rows *and* position from this one log; the consumer
group's offset is only for lag monitors. Rows beyond the marker (left by a torn flush, on a broker that
shows aborted records) are true as well: the state skips, per row, what it holds already.

Measured before it was built: with positions and rows in two places, kills lost or doubled counts.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, Protocol, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from schemas.aggregates import LaneMarker
from schemas.avro import Codec
from streams.core.changes import Cut
from streams.lane.lane import Lane, LaneSettings
from streams.lane.part import Part

log = logging.getLogger(__name__)
MARKER_KEY = b"\x00marker"  # sorts before every row's key; rows are text and never start with a NUL
_FENCE_S = 60  # a transaction left open by a killed owner is ended first
_WRITE_S = 30
_RESTORE_STALL_S = 60


class PartitionState(Protocol):
    """The state of one input partition: pure, deterministic, no I/O."""

    def restore(self, key: bytes, value: bytes | None) -> None:
        """One changelog record, in the order of the log; a later one of the same key replaces it."""

    def start(self, marker: LaneMarker | None) -> int:
        """All of the log was restored: the input offset to go on from."""

    def cut(self, next_offset: int) -> Cut:
        """What changed since the last cut; everything below `next_offset` is in the state."""


State = TypeVar("State", bound=PartitionState)


class StatefulLane(Lane[State], Generic[State]):
    """A lane whose state lives in a changelog topic. `new_state(partition)` makes an empty state."""

    def __init__(
        self,
        app: Any,
        settings: LaneSettings,
        *,
        changelog: str,
        codec: Codec,
        new_state: Callable[[int], State],
    ) -> None:
        super().__init__(app, settings)
        self.changelog = changelog
        self._codec = codec
        self._new_state = new_state
        self._producers: dict[int, Producer] = {}

    # -- writing -------------------------------------------------------------------------------------------------

    def _cut(self, part: Part[State]) -> Cut:
        return part.state.cut(part.next)

    def _write(self, part: Part[State], cut: Cut) -> None:
        producer = self._producers[part.number]
        producer.begin_transaction()
        for side in cut.sides:
            _produce(producer, side.topic, side.key, side.value, -1)
        for key, value in cut.rows:
            _produce(producer, self.changelog, key, value, part.number)
        _produce(producer, self.changelog, MARKER_KEY, cut.marker, part.number)
        producer.commit_transaction(_WRITE_S)  # raises when fenced: the partition has another owner

    # -- taking over ---------------------------------------------------------------------------------------------

    def _open(self, numbers: list[int]) -> dict[int, Part[State]]:
        began = time.monotonic()
        with ThreadPoolExecutor(min(16, len(numbers))) as pool:  # fencing may wait: not one after the other
            self._producers.update(zip(numbers, pool.map(self._fence, numbers), strict=True))
        parts = self._restore(numbers)
        log.info("restored %s in %.1f s", {n: part.next for n, part in parts.items()}, time.monotonic() - began)
        return parts

    def _fence(self, number: int) -> Producer:
        """The partition's producer; once this returns, no older owner can write any more."""
        producer = Producer(
            {
                "bootstrap.servers": self.settings.bootstrap,
                "log_level": 2,
                "transactional.id": f"{self.settings.group}-{self.changelog}-{number}",
                "transaction.timeout.ms": 60_000,
                "linger.ms": 5,
                "compression.type": "lz4",
                "partitioner": "murmur2_random",
            }
        )
        producer.init_transactions(_FENCE_S)
        return producer

    def _restore(self, numbers: Sequence[int]) -> dict[int, Part[State]]:
        """Read the changelog partitions from start to end."""
        states = {number: self._new_state(number) for number in numbers}
        markers: dict[int, LaneMarker] = {}
        reader = Consumer(
            {
                "bootstrap.servers": self.settings.bootstrap,
                "log_level": 2,
                "group.id": f"{self.settings.group}-restore",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",  # aborted records may be half cleaned away on Kafka
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 50,
            }
        )
        try:
            for message in read_to_end(reader, self.changelog, numbers):
                number, key, value = message.partition(), message.key() or b"", message.value()
                if key != MARKER_KEY:
                    states[number].restore(key, value)
                elif value is not None:
                    markers[number] = self._codec.decode(value, LaneMarker)
        finally:
            reader.close()
        parts = {}
        for number, state in states.items():
            position = state.start(markers.get(number))
            parts[number] = Part(number, state, fetched=position, next=position)
        return parts


def read_to_end(reader: Consumer, topic: str, numbers: Sequence[int]) -> Any:
    """Every message of the partitions up to their present end. Raises KafkaException.

    The watermark is only a lower bound on some brokers (Tansu 0.6 answers the first offset of the last
    batch, plus one); the end is the EOF event, which comes from the fetch itself.
    """
    partitions = [TopicPartition(topic, number, 0) for number in numbers]
    ends = {item.partition: reader.get_watermark_offsets(item, timeout=30)[1] for item in partitions}
    todo = {number for number in numbers if ends[number] > 0}
    reader.assign([item for item in partitions if item.partition in todo])
    heard = time.monotonic()
    while todo:
        for message in reader.consume(10_000, 0.1):
            heard = time.monotonic()
            error = message.error()
            if error is None:
                yield message
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's public code
                number = int(message.partition() or 0)
                if int(message.offset() or 0) >= ends[number]:
                    todo.discard(number)
            elif not error.retriable():
                raise KafkaException(error)
        if time.monotonic() - heard > _RESTORE_STALL_S:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - as above


def _produce(producer: Producer, topic: str, key: bytes, value: bytes | None, partition: int) -> None:
    deadline = time.monotonic() + _WRITE_S
    while True:
        try:
            producer.produce(topic, value, key, partition)
        except BufferError:
            if time.monotonic() > deadline:
                raise KafkaException(KafkaError(KafkaError._QUEUE_FULL)) from None  # noqa: SLF001 - as above
            producer.poll(0.05)
        else:
            return
