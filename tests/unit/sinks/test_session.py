"""The order of a round and what a failure in it leaves behind, with a log and a store of values."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest
from clickhouse_connect.driver.client import Client
from confluent_kafka import Consumer, TopicPartition
from prometheus_client import CollectorRegistry

from schemas.aggregates import Tick
from schemas.avro import Codec
from schemas.errors import FailureCode, Transient
from schemas.failures import DeadLetter
from schemas.remediation import Outcome
from sinks.batches import Batch, Bounds, Buffer, Partition
from sinks.intents import Intents
from sinks.loader import Loader, Refusal, Sorted
from sinks.log import Log
from sinks.metrics import SinkMetrics
from sinks.session import Session
from sinks.settings import SinkSettings
from sinks.tables import TABLES, TableSpec

CODEC = Codec()
SPECS = {spec.topic.name: spec for spec in TABLES if spec.table in {"outcomes", "dead_letters"}}
OUTCOMES = next(spec.topic.name for spec in SPECS.values() if spec.record is Outcome)
LETTERS = next(spec.topic.name for spec in SPECS.values() if spec.record is DeadLetter)
VALUE = CODEC.encode(
    Outcome(
        outcome_id="o", decision_id="d", tenant="t", kind="ip", key="k", action="alert", source="s",
        driver="none", status="done", attempt=1, http_status=200, detail="", executed_at=1,
    )
)  # fmt: skip
TICK = CODEC.encode(Tick(at=1, writer="w"))


@dataclasses.dataclass
class Record:
    """What `Session` asks of a confluent-kafka message."""

    place: Partition
    at: int
    data: bytes | None

    def error(self) -> None:
        return None

    def topic(self) -> str:
        return self.place.topic

    def partition(self) -> int:
        return self.place.number

    def offset(self) -> int:
        return self.at

    def value(self) -> bytes | None:
        return self.data

    def timestamp(self) -> tuple[int, int]:
        return 1, 1_000 + self.at


class FakeLog:
    """A log of one consumer; `committed` is the group's offsets."""

    def __init__(self, steps: list[str]) -> None:
        self.steps = steps
        self.waiting: list[Record] = []
        self.committed_at: dict[Partition, int] = {}
        self.on_assign: Callable[..., None]
        self.on_revoke: Callable[..., None]
        self.fails = 0

    def consumer(self) -> Consumer:
        return cast("Consumer", self)

    def topic_ids(self, topics: Sequence[str]) -> dict[str, str]:
        return {topic: f"id-{topic}" for topic in topics}

    def subscribe(self, topics: list[str], on_assign: Any, on_revoke: Any, on_lost: Any) -> None:
        self.on_assign, self.on_revoke = on_assign, on_revoke

    def committed(self, places: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        return [
            TopicPartition(p.topic, p.partition, self.committed_at.get(Partition(p.topic, p.partition), -1001))
            for p in places
        ]

    def assign(self, places: list[TopicPartition]) -> None:
        self.assigned = places

    def poll(self, timeout: float) -> Record | None:
        return self.waiting.pop(0) if self.waiting else None

    def commit(self, offsets: list[TopicPartition], asynchronous: bool) -> list[TopicPartition]:
        if self.fails:
            self.fails -= 1
            raise Transient("no coordinator")
        for place in offsets:
            self.steps.append(f"commit {place.offset}")
            self.committed_at[Partition(place.topic, place.partition)] = place.offset
        return offsets

    def get_watermark_offsets(self, place: TopicPartition, cached: bool) -> tuple[int, int]:
        return 0, 100

    def close(self) -> None:
        self.steps.append("close")


class FakeIntents(Intents):
    def __init__(self, steps: list[str]) -> None:
        super().__init__(cast("Client", None), "me")
        self.steps = steps
        self.rows: list[tuple[Partition, Bounds]] = []

    def write(self, batches: Sequence[Batch]) -> None:
        for batch in batches:
            self.steps.append(f"announce {batch.bounds.first}-{batch.bounds.last}")
            self.rows.append((batch.partition, batch.bounds))

    def earliest(self, buffers: Sequence[Buffer]) -> dict[Partition, Bounds]:
        found: dict[Partition, Bounds] = {}
        for buffer in buffers:
            for place, bounds in self.rows:
                if place == buffer.partition and bounds.first >= buffer.committed:
                    found.setdefault(place, bounds)
        return found


class FakeLoader(Loader):
    def __init__(self, steps: list[str]) -> None:
        super().__init__(cast("Client", None), CODEC)
        self.steps = steps
        self.fails = 0
        self.refuses: list[int] = []

    def load(self, spec: TableSpec, batch: Batch, found: Sorted, *, is_repeat: bool = False) -> list[Refusal]:
        if self.fails:
            self.fails -= 1
            raise Transient("away")
        self.steps.append(f"{'repeat' if is_repeat else 'insert'} {batch.token.split(':')[-1]}")
        return [
            Refusal(entry, FailureCode.STORE_REFUSED, "no") for entry in batch.entries if entry.offset in self.refuses
        ]


class FakeLetters:
    def __init__(self, steps: list[str]) -> None:
        self.steps = steps

    def write(self, letters: Sequence[DeadLetter]) -> None:
        self.steps += [f"bury {letter.origin_offset}" for letter in letters]


class Rig:
    """A session over fakes; `steps` is what happened, in order."""

    def __init__(
        self, committed: int | None = None, topic: str = OUTCOMES, settings: SinkSettings | None = None
    ) -> None:
        self.steps: list[str] = []
        self.log = FakeLog(self.steps)
        self.intents = FakeIntents(self.steps)
        self.loader = FakeLoader(self.steps)
        self.place = Partition(topic, 0)
        self.now = 0.0
        if committed is not None:
            self.log.committed_at[self.place] = committed
        self.session = Session(
            log=cast("Log", self.log),
            consumer=self.log.consumer(),
            specs=SPECS,
            intents=self.intents,
            loader=self.loader,
            dead_letters=FakeLetters(self.steps),
            settings=settings or SinkSettings(max_records=100),
            metrics=SinkMetrics(CollectorRegistry()),
            clock=self.clock,
            at=lambda _: None,
        )

    def clock(self) -> float:
        self.now += 0.01
        return self.now

    def assign(self) -> None:
        self.log.on_assign(self.log, [TopicPartition(*self.place)])

    def revoke(self) -> None:
        self.log.on_revoke(self.log, [TopicPartition(*self.place)])

    def read(self, *offsets: int, value: bytes | None = VALUE) -> None:
        self.log.waiting += [Record(self.place, offset, value) for offset in offsets]
        self.session.collect(lambda: not self.log.waiting)


@pytest.fixture
def rig() -> Rig:
    made = Rig()
    made.assign()
    return made


def test_a_batch_is_announced_then_inserted_then_committed(rig: Rig) -> None:
    rig.read(0, 1, 4)
    rig.session.flush()
    assert rig.steps == ["announce 0-4", "insert 0-4", "commit 5"]


def test_a_failed_insert_is_repeated_with_the_same_bounds_although_more_was_read(rig: Rig) -> None:
    rig.read(0, 1)
    rig.loader.fails = 1
    with pytest.raises(Transient):
        rig.session.flush()
    rig.read(2, 3)
    rig.session.flush()
    rig.session.flush()
    assert rig.steps == ["announce 0-1", "repeat 0-1", "commit 2", "announce 2-3", "insert 2-3", "commit 4"]


def test_a_failed_commit_sends_the_same_batch_again(rig: Rig) -> None:
    rig.read(0, 1)
    rig.log.fails = 1
    with pytest.raises(Transient):
        rig.session.flush()
    rig.session.flush()
    assert rig.steps == ["announce 0-1", "insert 0-1", "repeat 0-1", "commit 2"]


def test_after_a_crash_the_announced_batch_is_sent_with_its_old_bounds_and_nothing_else() -> None:
    rig = Rig(committed=10)
    rig.intents.rows = [(rig.place, Bounds(3, 9)), (rig.place, Bounds(10, 12))]
    rig.assign()
    rig.read(10, 11)
    rig.session.flush()
    assert rig.steps == [], "the batch is not complete yet"
    rig.read(12, 13, 14)
    rig.session.flush()
    rig.session.flush()
    assert rig.steps == ["repeat 10-12", "commit 13", "announce 13-14", "insert 13-14", "commit 15"]


def test_bounds_that_another_process_announced_first_are_taken_over(rig: Rig) -> None:
    rig.read(0)
    rig.session.flush()
    rig.intents.rows.append((rig.place, Bounds(1, 2)))  # written by somebody else since
    rig.read(1, 2, 3)
    rig.session.flush()
    assert rig.steps[-1] == "announce 1-3", "it must not insert under its own bounds"
    rig.session.flush()
    assert rig.steps[-2:] == ["repeat 1-2", "commit 3"]


def test_refused_records_are_buried_before_the_commit(rig: Rig) -> None:
    rig.loader.refuses = [1]
    rig.read(0, 1)
    rig.session.flush()
    assert rig.steps == ["announce 0-1", "insert 0-1", "bury 1", "commit 2"]


def test_a_refused_dead_letter_is_only_reported(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig(topic=LETTERS)
    rig.assign()
    rig.read(0, value=b"{}")
    rig.loader.refuses = [0]
    rig.session.flush()
    assert not [step for step in rig.steps if step.startswith("bury")]
    assert rig.steps[-1] == "commit 1"
    assert "@0 cannot be stored" in caplog.text


def test_what_was_read_of_a_lost_partition_is_dropped(rig: Rig) -> None:
    rig.read(0, 1)
    rig.revoke()
    rig.session.flush()
    assert rig.steps == []


def test_clock_records_are_committed_now_and_then_and_never_announced(rig: Rig) -> None:
    rig.read(0, 1, value=TICK)
    rig.session.flush()
    assert rig.steps == []
    rig.now += 10
    rig.session.flush()
    assert rig.steps == ["commit 2"]


def test_a_log_that_starts_again_is_read_from_its_start() -> None:
    rig = Rig(committed=500)
    rig.assign()
    rig.read(0, 1)
    rig.session.flush()
    assert rig.steps == ["announce 0-1", "insert 0-1", "commit 2"]


def test_a_log_that_goes_back_under_a_live_consumer_is_read_again_from_what_is_committed(rig: Rig) -> None:
    rig.read(0, 1, 2)
    with pytest.raises(Transient):  # had the buffer begun anew with 1, record 0 would be lost
        rig.read(1)


def test_a_partition_starts_where_the_group_left_off() -> None:
    rig = Rig(committed=7)
    rig.assign()
    assert [place.offset for place in rig.log.assigned] == [7]


def collected_at(rig: Rig, records: int) -> float:
    """When a round with so many records ends, in seconds from its beginning."""
    rig.assign()
    rig.log.waiting = [Record(rig.place, offset, VALUE) for offset in range(records)]
    began = rig.now
    rig.session.collect(lambda: False)
    return rig.now - began


def test_a_quiet_round_ends_after_its_time_and_a_full_stream_gets_a_longer_one() -> None:
    settings = SinkSettings(flush_s=0.5, busy_flush_s=2.0, busy_records=10, max_records=1_000)
    assert collected_at(Rig(settings=settings), 9) == pytest.approx(0.5, abs=0.05)
    assert collected_at(Rig(settings=settings), 10) == pytest.approx(2.0, abs=0.05)


def test_a_full_round_ends_at_once_however_long_it_may_last() -> None:
    settings = SinkSettings(flush_s=0.5, busy_flush_s=2.0, busy_records=5, max_records=10)
    assert collected_at(Rig(settings=settings), 50) < 0.3
