"""Reads records of the log where they lie: single ones by their position, a topic from a time on.

Only what is committed is read. The end of a partition is its EOF event, since a watermark may be too low (Tansu).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas.errors import Transient
from streams.topics import BACK_SOON, text_of

_POLL_S = 0.2
_SILENCE_S = 15.0  # a broker that says nothing for so long is away
_BEYOND_S = 3.0
_FEW_ON_THE_WAY = 200  # records that are read past rather than looked for anew
_EOF = KafkaError._PARTITION_EOF  # noqa: SLF001 - librdkafka's public code
_OUTSIDE = {KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE}  # noqa: SLF001 - likewise


class LogReader:
    """For one thread. Raises Transient when the broker does not answer."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "mailweir-replay",  # nothing is committed
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "isolation.level": "read_committed",
                "auto.offset.reset": "error",
                "fetch.message.max.bytes": 4 << 20,
                "queued.max.messages.kbytes": 32 << 10,
                "log_level": 2,
                **BACK_SOON,
            }
        )
        self._at: tuple[str, int, int] = ("", -1, -1)  # what the consumer reads next
        self._nothing: dict[tuple[str, int], int] = {}  # from which offset on a partition has nothing
        self._ends: dict[tuple[str, int], int] = {}

    def at(self, topic: str, partition: int, offset: int) -> Message | None:
        """The record there; None when the log has it no more, or nothing lies there."""
        place = (topic, partition)
        if offset >= self._nothing.get(place, offset + 1):
            return None
        if self._at[:2] != place or not 0 <= offset - self._at[2] <= _FEW_ON_THE_WAY:
            self._consumer.assign([TopicPartition(topic, partition, offset)])
        is_beyond = offset >= self._end(topic, partition)
        for message in self._messages(may_be_beyond=is_beyond):
            if message is None:
                if is_beyond:
                    self._nothing[place] = offset
                break
            found = message.offset() or 0
            if found >= offset:
                self._at = (topic, partition, found + 1)
                return message if found == offset else None
        self._at = ("", -1, -1)
        return None

    def since(self, topic: str, partition: int, from_ms: int, until_ms: int) -> Iterator[Message]:
        """The partition's records that were appended from `from_ms` on and before `until_ms`, in order."""
        try:
            begin = self._consumer.offsets_for_times([TopicPartition(topic, partition, from_ms)], timeout=_SILENCE_S)[0]
        except KafkaException as error:
            raise self._away(error) from None
        if begin.offset < 0:
            return  # all are older
        self._consumer.assign([begin])
        self._at = ("", -1, -1)
        for message in self._messages():
            if message is None:
                return
            at_ms = message.timestamp()[1]
            if at_ms >= until_ms:
                return
            if at_ms >= from_ms:
                yield message

    def partitions(self, topic: str) -> list[int]:
        """The topic's partitions, [] for a topic that is not there."""
        try:
            found = self._consumer.list_topics(topic, timeout=_SILENCE_S).topics[topic]
        except KafkaException as error:
            raise self._away(error) from None
        return sorted(found.partitions) if found.error is None else []

    def close(self) -> None:
        """Give the connection back."""
        self._consumer.close()

    def _end(self, topic: str, partition: int) -> int:
        """An offset below which the partition's records lie; some may be behind it."""
        place = (topic, partition)
        if place not in self._ends:
            try:
                marks = self._consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_SILENCE_S)
            except KafkaException as error:
                raise self._away(error) from None
            self._ends[place] = marks[1] if marks else 0
        return self._ends[place]

    def _messages(self, *, may_be_beyond: bool = False) -> Iterator[Message | None]:
        """What is read, one by one; None at the end of the partition, and when the position is outside of it.

        `may_be_beyond`: silence means that, too, since a broker (Tansu) may say nothing about a place behind the end.
        """
        heard = time.monotonic()
        while True:
            message = self._consumer.poll(_POLL_S)
            if message is None:
                if may_be_beyond and time.monotonic() - heard > _BEYOND_S:
                    yield None
                if time.monotonic() - heard > _SILENCE_S:
                    raise Transient(f"the log at {self._bootstrap} gave no record for {_SILENCE_S:.0f} s")
                continue
            heard = time.monotonic()
            error: Any = message.error()
            if error is None:
                yield message
            elif error.code() == _EOF or error.code() in _OUTSIDE:
                yield None
            elif not error.retriable() and error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 - as above
                raise self._away(KafkaException(error))

    def _away(self, error: KafkaException) -> Transient:
        return Transient(
            f"no Kafka broker answers at {self._bootstrap} ({text_of(error)}); start it or set MAILWEIR_KAFKA"
        )
