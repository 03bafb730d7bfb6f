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

import gc
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, Protocol, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from schemas.aggregates import LaneMarker
from schemas.avro import Codec
from schemas.topics import MAX_MESSAGE_BYTES
from streams.core.changes import Cut
from streams.lane import runs
from streams.lane.lane import Lane
from streams.lane.part import Part
from streams.lane.settings import LaneSettings
from streams.topics import BACK_SOON

log = logging.getLogger(__name__)
MARKER_KEY = b"\x00marker"  # sorts before every row's key; rows are text and never start with a NUL
_FENCE_S = 60  # a transaction left open by a killed owner is ended first
_WRITE_S = 30
_RESTORE_STALL_S = 60
_RESTORE_BATCH = 20_000  # some megabytes


class PartitionState(Protocol):
    """The state of one input partition: pure, deterministic, no I/O."""

    def restore(self, keys: Sequence[bytes], values: Sequence[bytes | None]) -> None:
        """Some changelog records, in the order of the log; a later one of the same key replaces it.

        None is a tombstone. Called any number of times, with no markers among the records.
        """

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
        self._append(part, cut)

    def _append(self, part: Part[State], cut: Cut) -> int:
        """Commit the cut to the log; the changelog offset behind its marker."""
        placed: list[int] = []
        producer = self._producers[part.number]
        producer.begin_transaction()
        for side in cut.sides:
            _produce(producer, side.topic, side.key, side.value, -1)
        for key, value in cut.rows:
            _produce(producer, self.changelog, key, value, part.number)
        _produce(producer, self.changelog, MARKER_KEY, cut.marker, part.number, _offset_to(placed))
        producer.commit_transaction(_WRITE_S)  # raises when fenced: the partition has another owner
        return placed[0] + 1  # the report came before the commit

    # -- taking over ---------------------------------------------------------------------------------------------

    def open_parts(self, numbers: list[int]) -> dict[int, Part[State]]:
        """Cut off the former owners, read states and positions back. Raises KafkaException."""
        began = time.monotonic()
        with ThreadPoolExecutor(min(16, len(numbers))) as pool:  # fencing may wait: not one after the other
            self._producers.update(zip(numbers, pool.map(self._fence, numbers), strict=True))
        parts = self._restore(numbers)
        gc.freeze()  # a state of a million rows is not garbage, and looking through it takes seconds
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
                **BACK_SOON,
                "linger.ms": 5,
                "compression.type": "lz4",
                "message.max.bytes": MAX_MESSAGE_BYTES,  # strangers' names are as long as they like
                "partitioner": "murmur2_random",
            }
        )
        producer.init_transactions(_FENCE_S)
        return producer

    def _restore(self, numbers: Sequence[int]) -> dict[int, Part[State]]:
        """Read the changelog partitions from start to end."""
        states = {number: self._new_state(number) for number in numbers}
        markers, _ = self._read_back(states)
        return {number: self._begin(number, state, markers.get(number)) for number, state in states.items()}

    def _begin(self, number: int, state: State, marker: bytes | None) -> Part[State]:
        position = state.start(None if marker is None else self._codec.decode(marker, LaneMarker))
        return Part(number, state, fetched=position, next=position)

    def _take_back(self, state: State, records: Records) -> bytes | None:
        """Give a state records of its changelog; the last marker among them."""
        rows, marker = split_markers(records)
        state.restore(*rows)
        return marker

    def _read_back(
        self, states: Mapping[int, State], starts: Mapping[int, int] | None = None
    ) -> tuple[dict[int, bytes], dict[int, int]]:
        """Restore the states from the changelog: all of it, or what is at and behind `starts`.

        Returns, by partition and where there was any, the last marker and the offset behind the last
        record. Raises KafkaException; with `starts`, its code is _AUTO_OFFSET_RESET when one of them is
        beyond the log's end.
        """
        markers: dict[int, bytes] = {}
        ends: dict[int, int] = {}
        reader = Consumer(
            {
                "bootstrap.servers": self.settings.bootstrap,
                "log_level": 2,
                "group.id": f"{self.settings.group}-restore",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",  # aborted records may be half cleaned away on Kafka
                "enable.partition.eof": True,
                "auto.offset.reset": "error" if starts else "earliest",
                "fetch.wait.max.ms": 5,
                "fetch.message.max.bytes": 4 << 20,
                "fetch.queue.backoff.ms": 10,  # the default, 1000, idles a reader that is quicker than the log
                **BACK_SOON,
            }
        )
        try:
            for messages in read_batches_to_end(reader, self.changelog, list(states), starts):
                for number, found in runs.by_partition(messages).items():
                    marker = self._take_back(states[number], (runs.keys_of(found), runs.values_of(found)))
                    ends[number] = runs.offsets_of(found[-1:])[0] + 1
                    if marker is not None:
                        markers[number] = marker
        finally:
            reader.close()
        return markers, ends


Records = tuple[list[bytes], list[bytes | None]]
"""Keys and values, of the same length, in the order of the log."""


def split_markers(records: Records) -> tuple[Records, bytes | None]:
    """The records without the markers, and the last marker's value."""
    keys, values = records
    if MARKER_KEY not in keys:
        return records, None
    last = values[len(keys) - 1 - keys[::-1].index(MARKER_KEY)]
    others = [at for at, key in enumerate(keys) if key != MARKER_KEY]
    return ([keys[at] for at in others], [values[at] for at in others]), last


def read_to_end(reader: Consumer, topic: str, numbers: Sequence[int]) -> Iterator[Message]:
    """`read_batches_to_end`, message by message."""
    for messages in read_batches_to_end(reader, topic, numbers):
        yield from messages


def read_batches_to_end(
    reader: Consumer, topic: str, numbers: Sequence[int], starts: Mapping[int, int] | None = None
) -> Iterator[list[Message]]:
    """Every message of the partitions, from `starts` or offset 0 to their present end. Raises KafkaException.

    The watermark is only a lower bound on some brokers (Tansu 0.6 answers the first offset of the last
    batch, plus one); the end is the EOF event, which comes from the fetch itself.
    """
    partitions = [TopicPartition(topic, number, (starts or {}).get(number, 0)) for number in numbers]
    ends = {item.partition: reader.get_watermark_offsets(item, timeout=30)[1] for item in partitions}
    todo = {item.partition for item in partitions if ends[item.partition] > 0 or item.offset > 0}
    reader.assign([item for item in partitions if item.partition in todo])
    heard = time.monotonic()
    while todo:
        messages = reader.consume(_RESTORE_BATCH, 0.1)
        if messages:
            heard = time.monotonic()
        elif time.monotonic() - heard > _RESTORE_STALL_S:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - librdkafka's public code
        if runs.errors(messages):
            todo -= _ended(messages, ends)
            messages = [message for message in messages if message.error() is None]
        if messages:
            yield messages


def _ended(messages: list[Message], ends: dict[int, int]) -> set[int]:
    """The partitions whose end is among the messages. Raises KafkaException for an error that stays."""
    found = set()
    for message in messages:
        error = message.error()
        if error is None:
            continue
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - as above
            number = int(message.partition() or 0)
            if int(message.offset() or 0) >= ends[number]:
                found.add(number)
        elif not error.retriable():
            raise KafkaException(error)
    return found


def _offset_to(found: list[int]) -> Callable[[KafkaError | None, Message], None]:
    """A delivery callback that tells where the record is."""
    return lambda _, message: found.append(int(message.offset() or 0))


def _produce(
    producer: Producer,
    topic: str,
    key: bytes | None,
    value: bytes | None,
    partition: int,
    on_delivery: Callable[[KafkaError | None, Message], None] | None = None,
) -> None:
    deadline = time.monotonic() + _WRITE_S
    while True:
        try:
            producer.produce(topic, value, key, partition, on_delivery=on_delivery)
        except BufferError:
            if time.monotonic() > deadline:
                raise KafkaException(KafkaError(KafkaError._QUEUE_FULL)) from None  # noqa: SLF001 - as above
            producer.poll(0.05)
        else:
            return
