"""The consumer thread's decisions, on a consumer that says what the test wants."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from streams.lane.part import Batch, Part
from streams.lane.reader import Reader
from streams.lane.settings import LaneSettings

CLOCK = [time.monotonic()]  # runs ahead of the real one
KEYS = ((99, b"old"), (100, b"a"), (101, None), (102, b"c"))
FAILED = KafkaError(KafkaError.REBALANCE_IN_PROGRESS)


class Group:
    """Stands in for a consumer: answers polls from a list, remembers what it was told."""

    def __init__(self, polls: list[list[Message]] | None = None, high: int = 0) -> None:
        self.polls, self.high = polls or [], high
        self.told: list[tuple[str, list[tuple[int, int]]]] = []

    def consume(self, _number: int, _timeout: float) -> list[Message]:
        return self.polls.pop(0) if self.polls else []

    def get_watermark_offsets(self, _place: TopicPartition, _timeout: float) -> tuple[int, int]:
        return 0, self.high

    is_away = False

    def list_topics(self, _topic: str, _timeout: float) -> None:
        if self.is_away:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))

    def close(self) -> None:
        self.told.append(("close", []))

    def __getattr__(self, name: str) -> Any:
        def remember(places: list[TopicPartition] | None = None, **more: Any) -> None:
            found = places if places is not None else more.get("offsets", [])
            self.told.append((name, [(place.partition, place.offset) for place in found]))

        return remember


class Lane:
    """An owner whose partitions all begin at offset 100."""

    settings = LaneSettings(bootstrap="nowhere:1", group="g", topic="t")

    def __init__(self) -> None:
        self.parts: dict[int, Part[None]] = {}

    def open_parts(self, numbers: list[int]) -> dict[int, Part[None]]:
        return {number: Part(number, None, fetched=100, next=100) for number in numbers}

    def linger_until_s(self, since_s: float) -> float:
        return since_s

    async def take(self, batches: list[Batch[None]]) -> None: ...

    async def release(self, parts: list[Part[None]]) -> None: ...

    async def abandon(self, parts: list[Part[None]]) -> None:
        for part in parts:
            part.is_live = False

    async def crash(self, reason: BaseException) -> None: ...


def reader(group: Group, probe: Group | None = None) -> Reader[None]:
    made = Reader[None](Lane(), lambda _config: probe or group)  # type: ignore[arg-type,return-value]
    made._consumer = group  # type: ignore[assignment]
    return made


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """The lane's event loop, in a thread of its own as seen from the reader's."""
    running = asyncio.new_event_loop()
    thread = threading.Thread(target=running.run_forever)
    thread.start()
    yield running
    running.call_soon_threadsafe(running.stop)
    thread.join()
    running.close()


def assigned(made: Reader[None], *numbers: int) -> None:
    consumer: Consumer = made._consumer
    made._assigned(consumer, [TopicPartition("t", number) for number in numbers])


def message(partition: int, offset: int) -> Message:
    return Message(topic="t", partition=partition, offset=offset, value=b"%d" % offset)


def test_what_a_poll_had_read_before_it_brought_a_partition_is_read_again() -> None:
    group = Group()
    made = reader(group)
    assigned(made, 0)
    made._begin_fresh()
    assigned(made, 1)  # from within the poll that returns this:
    group.polls = [[message(0, 100)], [message(0, 101), message(1, 250)]]
    assert [(batch.part.number, batch.offsets) for batch in made._next_batches()] == [(0, [100, 101])]
    assert ("pause", [(1, 100)]) in group.told
    made._begin_fresh()
    assert group.told[-1] == ("resume", [(1, 100)])
    group.polls = [[message(1, 100)]]
    assert [batch.offsets for batch in made._next_batches()] == [[100]]


def test_a_partition_that_stays_keeps_its_state(loop: asyncio.AbstractEventLoop) -> None:
    made = reader(Group())
    made._events = loop
    assigned(made, 0)
    kept = made._owner.parts[0]
    assigned(made, 1)
    assert made._owner.parts[0] is kept
    made._lost(made._consumer, [TopicPartition("t", 1)])
    assert made._owner.parts == {0: kept}


def test_lost_partitions_are_not_written_any_more(loop: asyncio.AbstractEventLoop) -> None:
    made = reader(Group())
    made._events = loop
    assigned(made, 0)
    part = made._owner.parts[0]
    made._lost(made._consumer, [TopicPartition("t", 0)])
    assert not part.is_live


def test_records_below_the_position_are_not_handed_over_twice() -> None:
    group = Group([[message(0, 98)], [message(0, 99), message(0, 100)], [message(0, 99)]])
    made = reader(group)
    assigned(made, 0)
    made._begin_fresh()
    assert [(batch.start, batch.end, batch.offsets) for batch in made._next_batches()] == [(100, 101, [100])]
    assert made._next_batches() == []


def test_a_lane_that_asks_for_keys_gets_one_for_each_value() -> None:
    keyed = [Message(topic="t", partition=0, offset=at, value=b"%d" % at, key=key) for at, key in KEYS]
    made = reader(Group([keyed]))
    made._owner.settings = replace(made._owner.settings, with_keys=True)
    assigned(made, 0)
    made._begin_fresh()
    (batch,) = made._next_batches()
    assert (batch.values, batch.keys) == ([b"100", b"101", b"102"], [b"a", b"", b"c"])


def test_a_position_that_was_not_committed_goes_out_again_while_the_partition_is_ours() -> None:
    group = Group()
    made = reader(group)
    assigned(made, 0)
    made._owner.parts[0].flushed = 120
    made._on_commit(FAILED, [TopicPartition("t", 0, 120), TopicPartition("t", 3, 50)])
    made._commit()
    assert group.told[-1] == ("commit", [(0, 120)])


def test_a_commit_that_failed_never_takes_the_position_back() -> None:
    group = Group()
    made = reader(group)
    assigned(made, 0)
    made._owner.parts[0].flushed = 150  # and committed, before the answer about an earlier one comes
    made._on_commit(FAILED, [TopicPartition("t", 0, 120)])
    made._commit()
    assert group.told[-1] == ("commit", [(0, 150)])


def test_one_commit_is_under_way_at_a_time_except_when_partitions_go() -> None:
    group = Group()
    made = reader(group)
    assigned(made, 0)
    made.commit_soon(0, 120)
    made._commit()
    made.commit_soon(0, 150)
    made._committed_s -= 1
    made._commit()
    assert group.told[-1] == ("commit", [(0, 120)])
    made._commit(is_last=True)
    assert group.told[-1] == ("commit", [(0, 150)])


def test_after_the_answer_the_next_commit_goes_out() -> None:
    group = Group()
    made = reader(group)
    assigned(made, 0)
    made.commit_soon(0, 120)
    made._commit()
    made._on_commit(None, [TopicPartition("t", 0, 120)])
    made.commit_soon(0, 150)
    made._committed_s -= 1
    made._commit()
    assert group.told[-1] == ("commit", [(0, 150)])


def test_a_silent_consumer_ends_the_thread_when_another_one_is_given_records() -> None:
    made = reader(Group(high=500), probe=Group([[message(0, 100)], [message(0, 100)]]))
    assigned(made, 0)
    poll_in_silence(made)  # once may be a record that has only just come
    with pytest.raises(KafkaException):
        poll_in_silence(made)


def test_records_that_come_between_two_silences_clear_the_consumer() -> None:
    made = reader(Group(high=500), probe=Group([[message(0, 100)], [message(0, 101)]]))
    assigned(made, 0)
    poll_in_silence(made)
    made._owner.parts[0].fetched = 101
    poll_in_silence(made)


@pytest.mark.parametrize("high", [100, 101])
def test_silence_is_fine_when_the_log_has_nothing_more(high: int) -> None:
    made = reader(Group(high=high), probe=Group())  # 101: the last offset may be a transaction's own mark
    assigned(made, 0)
    poll_in_silence(made)


def test_a_group_that_never_answers_ends_the_thread() -> None:
    made = reader(Group())
    poll_in_silence(made, times=2)
    with pytest.raises(KafkaException):
        poll_in_silence(made, times=3)


def test_a_group_that_never_says_what_is_ours_after_partitions_were_given_up_ends_the_thread() -> None:
    made = reader(Group())
    assigned(made, 0)
    poll_in_silence(made, times=6)
    made._drop([TopicPartition("t", 0)])
    poll_in_silence(made, times=2)
    with pytest.raises(KafkaException):
        poll_in_silence(made, times=3)


def test_a_group_that_answers_after_partitions_were_given_up_clears_the_consumer() -> None:
    made = reader(Group())
    for _ in range(4):
        assigned(made, 0)
        made._drop([TopicPartition("t", 0)])
        poll_in_silence(made, times=2)
        assigned(made, 1)
        poll_in_silence(made)


def test_while_the_broker_is_away_the_group_may_be_silent() -> None:
    group = Group()
    group.is_away = True
    poll_in_silence(reader(group), times=10)


def test_a_partition_is_missed_although_others_are_read() -> None:
    made = reader(Group(high=500), probe=Group([[message(0, 100)], [message(0, 100)]]))
    assigned(made, 0, 1)
    with pytest.raises(KafkaException):
        poll_beside_another(made)


def test_what_is_given_up_leaves_no_state_behind() -> None:
    made = reader(Group())
    assigned(made, 0)
    poll_in_silence(made)
    made._drop([TopicPartition("t", 0)])
    assert len(made._silence) == 0


def test_a_partition_that_comes_back_is_looked_at_anew() -> None:
    made = reader(Group(high=500), probe=Group([[message(0, 100)], [message(0, 100)]]))
    assigned(made, 0)
    poll_in_silence(made)
    assigned(made, 0)
    poll_in_silence(made)


def poll_beside_another(made: Reader[None]) -> None:
    for second in range(60):
        made._owner.parts[1].fetched += 1
        made.check_silence(CLOCK[0] + second)


def poll_in_silence(made: Reader[None], times: int = 1) -> None:
    """So many times sixteen seconds, looked at every tenth."""
    CLOCK[0] = max(CLOCK[0], time.monotonic())  # other tests may have taken longer than this one's seconds
    for _ in range(160 * times):
        made._next_batches()
        CLOCK[0] += 0.1
        made.check_silence(CLOCK[0])


def test_a_fatal_error_ends_the_thread() -> None:
    fatal = Message(topic="t", partition=0, offset=0, error=KafkaError(KafkaError._FATAL, "fenced", True))
    with pytest.raises(KafkaException):
        reader(Group([[fatal]]))._next_batches()
