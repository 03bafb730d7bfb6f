"""Work that ends out of order: the position is the oldest record whose work is not done."""

from __future__ import annotations

import pytest

from streams.agents.app import worker_app
from streams.lane.part import Batch, Part
from streams.lane.settings import LaneSettings
from streams.lane.work_lane import WorkLane


class Committed:
    """Stands where the reader is: notes what is committed."""

    def __init__(self) -> None:
        self.positions: list[int] = []

    def commit_soon(self, number: int, position: int) -> None:
        self.positions.append(position)


def lane_with(committed: Committed) -> WorkLane:
    app = worker_app("test", "127.0.0.1:1", session_timeout_ms=6_000)
    lane = WorkLane(app, LaneSettings(bootstrap="127.0.0.1:1", group="g", topic="t"))
    lane._reader = committed  # type: ignore[assignment]
    return lane


def batch_of(part: Part[None], *offsets: int) -> Batch[None]:
    end = offsets[-1] + 1
    return Batch(part=part, epoch=0, start=part.next, end=end, values=[b"x"] * len(offsets), offsets=list(offsets))


async def test_the_position_waits_for_the_oldest_and_later_batches_do_not() -> None:
    committed = Committed()
    lane, part = lane_with(committed), Part[None](0, None, fetched=5, next=5)
    first, second = batch_of(part, 5, 6, 8), None
    assert lane.accept(first)
    for offset in first.offsets:
        lane.begin(first, offset)
    lane.done(first)
    second = batch_of(part, 9)
    assert lane.accept(second), "it need not wait for the first"
    lane.begin(second, 9)
    lane.done(second)
    for offset, position in ((9, 5), (6, 5), (5, 8), (8, 10)):
        lane.finished(second if offset == 9 else first, offset)
        await lane.flush(part)
        assert committed.positions[-1] == position
    await lane.flush(part)
    assert committed.positions == [5, 8, 10], "nothing is committed twice"


async def test_what_failed_is_never_passed() -> None:
    committed = Committed()
    lane, part = lane_with(committed), Part[None](0, None, fetched=0, next=0)
    batch = batch_of(part, 0, 1)
    for offset in batch.offsets:
        lane.begin(batch, offset)
    lane.done(batch)
    lane.finished(batch, 1)
    with pytest.raises(KeyError):
        lane.finished(batch_of(Part[None](1, None, fetched=0, next=0), 0), 0)
    await lane.flush(part)
    assert committed.positions == [0]
    part.is_spoiled = True
    lane.finished(batch, 0)
    await lane.flush(part)
    assert committed.positions == [0]
