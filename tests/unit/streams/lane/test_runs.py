"""Messages of one call, put in order by partition."""

from __future__ import annotations

from confluent_kafka import KafkaError, Message

from streams.lane import runs
from streams.lane.changelog import MARKER_KEY, split_markers


def message(partition: int, offset: int, key: bytes | None = b"k") -> Message:
    return Message(topic="t", partition=partition, offset=offset, key=key, value=b"%d" % offset)


def failed(partition: int) -> Message:
    return Message(topic="t", partition=partition, offset=9, error=KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))


def test_each_partition_keeps_its_order_however_the_runs_are_mixed() -> None:
    got = runs.by_partition([message(1, 5), message(1, 6), message(0, 2), message(1, 7), message(0, 3)])
    assert {number: runs.offsets_of(records) for number, records in got.items()} == {1: [5, 6, 7], 0: [2, 3]}
    assert runs.values_of(got[1]) == [b"5", b"6", b"7"]


def test_errors_are_no_records() -> None:
    messages = [message(1, 5), failed(1), message(1, 6), failed(2)]
    assert [error.code() for error in runs.errors(messages)] == [KafkaError.UNKNOWN_TOPIC_OR_PART] * 2
    assert {number: runs.offsets_of(records) for number, records in runs.by_partition(messages).items()} == {1: [5, 6]}


def test_a_record_without_a_key_has_an_empty_one() -> None:
    assert runs.keys_of([message(0, 1), message(0, 2, None)]) == [b"k", b""]


def test_the_last_marker_counts_and_none_is_a_row() -> None:
    keys = [b"a", MARKER_KEY, b"b", MARKER_KEY, b"c"]
    assert split_markers((keys, [b"1", b"m1", None, b"m2", b"3"])) == (([b"a", b"b", b"c"], [b"1", None, b"3"]), b"m2")


def test_records_without_a_marker_stay_as_they_are() -> None:
    assert split_markers(([b"a"], [b"1"])) == (([b"a"], [b"1"]), None)
