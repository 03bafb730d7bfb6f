"""What a lane does with batches and flushes, without Kafka."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from streams.agents.app import worker_app
from streams.lane.lane import Lane
from streams.lane.part import Batch, Part
from streams.lane.settings import LaneSettings

Written = list[tuple[int, list[str]]]


class Noting(Lane[list[str]]):
    """State: what was added since the last cut. `fails`: how many writes to refuse."""

    def __init__(self) -> None:
        app = worker_app("g", "nowhere:1", session_timeout_ms=6_000)
        super().__init__(app, LaneSettings(bootstrap="nowhere:1", group="g", topic="t"))
        self.written: Written = []
        self.fails = 0

    def open_parts(self, numbers: list[int]) -> dict[int, Part[list[str]]]:
        return {number: Part(number, [], fetched=0, next=0) for number in numbers}

    def _cut(self, part: Part[list[str]]) -> Any:
        cut = list(part.state)
        part.state.clear()
        return cut

    def _write(self, part: Part[list[str]], cut: Any) -> None:
        if self.fails:
            self.fails -= 1
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        self.written.append((part.next, cut))


@pytest.fixture
def lane() -> Noting:
    return Noting()


def batch(part: Part[list[str]], start: int, end: int) -> Batch[list[str]]:
    part.fetched = end
    return Batch(part, part.epoch, start, end, [b""] * (end - start), list(range(start, end)))


def work(lane: Noting, part: Part[list[str]], start: int, end: int) -> None:
    handed = batch(part, start, end)
    assert lane.accept(handed)
    part.state.append(f"{start}-{end}")
    lane.done(handed)


async def test_after_a_failed_write_nothing_is_vouched_for_any_more(lane: Noting) -> None:
    part = lane.open_parts([0])[0]
    work(lane, part, 0, 10)
    lane.fails = 1
    with pytest.raises(KafkaException):
        await lane.flush(part)
    work(lane, part, 10, 20)
    await lane.release([part])  # as when the consumer is closed: a marker here would skip what was lost
    assert lane.written == []


async def test_after_a_batch_that_broke_off_nothing_is_written_any_more(lane: Noting) -> None:
    part = lane.open_parts([0])[0]
    work(lane, part, 0, 10)
    handed = batch(part, 10, 20)
    assert lane.accept(handed)
    part.state.append("10-15")  # these would be remembered as seen, and not counted when they are read again
    await lane.failed(handed, ValueError("half done"))
    await lane.release([part])
    assert lane.written == []


async def test_a_flush_writes_what_was_done_and_only_once(lane: Noting) -> None:
    part = lane.open_parts([0])[0]
    work(lane, part, 0, 10)
    await asyncio.gather(lane.flush(part), lane.flush(part))
    assert lane.written == [(10, ["0-10"])]


async def test_a_batch_behind_a_lost_one_is_not_accepted_and_the_partition_is_read_again(lane: Noting) -> None:
    part = lane.open_parts([0])[0]
    work(lane, part, 0, 10)
    assert not lane.accept(batch(part, 20, 30))
    assert part.must_rewind


async def test_batches_handed_over_before_a_rewind_are_stale(lane: Noting) -> None:
    part = lane.open_parts([0])[0]
    first, second = batch(part, 10, 20), batch(part, 0, 10)
    assert not lane.accept(first)
    assert not lane.accept(second), "of before the rewind"
    assert lane.accept(batch(part, 0, 10))


async def test_a_released_partition_takes_nothing_more(lane: Noting) -> None:
    part = lane.open_parts([0])[0]
    work(lane, part, 0, 10)
    handed = batch(part, 10, 20)
    await lane.release([part])
    assert lane.written == [(10, ["0-10"])]
    assert not lane.accept(handed)
