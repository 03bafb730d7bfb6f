"""An independent reader of the changelog: the newest record of every key, as a plain last-record-wins reader has it.

It reads uncommitted records too: a row must be true whoever wrote it and however its transaction ended.
"""

from __future__ import annotations

import uuid
from dataclasses import asdict

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from schemas.aggregates import Counts, LaneMarker, ReputationPartial
from schemas.avro import Codec
from streams.lane.changelog import MARKER_KEY
from streams.topics import BACK_SOON
from tests.chaos.events import PARTITIONS, Total

_METRICS = tuple(asdict(Counts()))


class Changelog:
    """Reads on at every `read`; `markers` and `counts` are of what was read so far."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": uuid.uuid4().hex,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_uncommitted",
                "fetch.wait.max.ms": 50,
                **BACK_SOON,
                "log_level": 2,
            }
        )
        self._topic = topic
        self.again()
        self._codec = Codec()
        self._changed: dict[tuple[int, bytes], bytes | None] = {}
        self._counts: dict[Total, int] = {}
        self.markers: dict[int, int] = {}
        self.records = 0

    def again(self) -> None:
        """Read from the beginning once more; in the end every key has its newest record again."""
        self._consumer.assign([TopicPartition(self._topic, partition, 0) for partition in range(PARTITIONS)])

    def read(self, wait_s: float) -> None:
        """Take in what there is; waits at most `wait_s` for the first record."""
        messages = self._consumer.consume(1, wait_s)
        while messages:
            for message in messages:
                self._take(message)
            messages = self._consumer.consume(5_000, 0)

    def counts(self) -> dict[Total, int]:
        """Every count that is not zero."""
        for (partition, key), value in self._changed.items():
            for total, count in self._row(partition, key, value):
                self._counts[total] = count
        self._changed.clear()
        return {total: count for total, count in self._counts.items() if count}

    def close(self) -> None:
        self._consumer.close()

    def _take(self, message: Message) -> None:
        error = message.error()
        if error is not None:
            assert error.retriable() or error.code() == KafkaError._ALL_BROKERS_DOWN, error
            return
        self.records += 1
        partition, key, value = int(message.partition() or 0), message.key() or b"", message.value()
        if key != MARKER_KEY:
            self._changed[partition, key] = value
        elif value is not None:
            self.markers[partition] = self._codec.decode(value, LaneMarker).next_offset

    def _row(self, partition: int, key: bytes, value: bytes | None) -> list[tuple[Total, int]]:
        if value is not None and self._codec.version_of(value).record is not ReputationPartial:
            return []  # ids seen
        assert value is not None or key.startswith(b"\x00"), "nothing here is old enough to be dropped"
        if value is None:
            return []
        row = self._codec.decode(value, ReputationPartial)
        return [
            ((partition, row.tenant, str(row.kind), row.key, row.minute, metric), getattr(row, metric))
            for metric in _METRICS
        ]
