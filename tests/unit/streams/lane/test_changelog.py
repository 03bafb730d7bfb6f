"""Reading a changelog to its end, on a consumer that answers from a list."""

from __future__ import annotations

from typing import cast

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from streams.lane.changelog import read_batches_to_end, read_to_end


class Log:
    """Stands in for a consumer; `highs`: the watermarks it knows of."""

    def __init__(self, highs: dict[int, int], polls: list[list[Message]]) -> None:
        self.highs, self.polls = highs, polls
        self.assigned: list[int] = []

    def get_watermark_offsets(self, place: TopicPartition, timeout: float) -> tuple[int, int]:
        assert timeout > 0
        return 0, self.highs[place.partition]

    def assign(self, places: list[TopicPartition]) -> None:
        self.assigned = [place.partition for place in places]

    def consume(self, _number: int, _timeout: float) -> list[Message]:
        return self.polls.pop(0)


def row(partition: int, offset: int) -> Message:
    return Message(topic="c", partition=partition, offset=offset, key=b"k", value=b"v")


def end(partition: int, offset: int, code: int = KafkaError._PARTITION_EOF) -> Message:
    return Message(topic="c", partition=partition, offset=offset, error=KafkaError(code))


def offsets(log: Log) -> list[list[int | None]]:
    batches = read_batches_to_end(cast("Consumer", log), "c", sorted(log.highs))
    return [[message.offset() for message in batch] for batch in batches]


def test_an_end_before_the_watermark_is_not_the_end() -> None:
    log = Log({0: 3}, [[row(0, 0), end(0, 1)], [], [row(0, 1), row(0, 2)], [end(0, 3)]])
    assert offsets(log) == [[0], [1, 2]]


def test_records_behind_a_watermark_that_was_too_low_are_read_up_to_the_end_of_the_fetch() -> None:
    log = Log({0: 1}, [[row(0, 0), row(0, 1), row(0, 2)], [end(0, 3)]])
    assert offsets(log) == [[0, 1, 2]]


def test_an_empty_partition_is_not_waited_for() -> None:
    log = Log({0: 0, 1: 1}, [[row(1, 0), end(1, 1)]])
    assert offsets(log) == [[0]]
    assert log.assigned == [1]


def test_an_error_that_stays_comes_out_and_one_that_passes_does_not() -> None:
    retriable = Message(topic="c", partition=0, offset=0, error=KafkaError(KafkaError._TRANSPORT, "", False, True))
    assert offsets(Log({0: 1}, [[retriable], [row(0, 0), end(0, 1)]])) == [[0]]
    with pytest.raises(KafkaException):
        offsets(Log({0: 1}, [[end(0, 0, KafkaError.TOPIC_AUTHORIZATION_FAILED)]]))


def test_messages_come_one_by_one_when_asked_so() -> None:
    log = Log({0: 2}, [[row(0, 0), row(0, 1), end(0, 2)]])
    assert [message.offset() for message in read_to_end(cast("Consumer", log), "c", [0])] == [0, 1]
