"""How the scorer writes: without waiting for each slice, in order, and again what was not acknowledged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest

from schemas.aggregates import Level, ReputationScore
from schemas.avro import Codec
from schemas.errors import Transient
from streams.agents import scorer as scoring
from streams.agents.scorer import Scorer
from streams.delivery import Position, Record
from streams.kafka import LogProducer
from streams.telemetry import Telemetry

CODEC = Codec()


class FakeLog:
    """Notes what is handed over and what is acknowledged; refuses as often as it is told to."""

    def __init__(self) -> None:
        self.sent: list[int] = []
        self.acknowledged: list[int] = []
        self.refusals: dict[int, int] = {}  # by version: how many answers for it are failures
        self.is_full = False

    def start(self, records: Sequence[Record]) -> Callable[[], list[Position]]:
        if self.is_full:
            raise Transient("the queue to the log is full")
        versions = [CODEC.decode(record.value or b"", ReputationScore).version for record in records]
        self.sent += versions

        def wait() -> list[Position]:
            for version in versions:
                if self.refusals.get(version, 0):
                    self.refusals[version] -= 1
                    raise Transient("not acknowledged")
            self.acknowledged += versions
            return []

        return wait

    def produce_all(self, records: Sequence[Record]) -> list[Position]:
        return self.start(records)()


def score(version: int) -> ReputationScore:
    return ReputationScore(
        tenant="t", kind="ip", key="192.0.2.1", as_of=0, window_start=0, version=version, score=1.0, score_low=0.0,
        score_high=2.0, level=Level.HEALTHY, scored_at=0,
    )  # fmt: skip


@pytest.fixture
def log() -> FakeLog:
    return FakeLog()


@pytest.fixture
def scorer(log: FakeLog, monkeypatch: pytest.MonkeyPatch) -> Scorer:
    monkeypatch.setattr(scoring, "_PAUSE_S", 0.0)
    made = Scorer(
        "nowhere:1", log_producer=cast(LogProducer, log), codec=CODEC, score_key=cast(Any, None), partitions=1,
        leads=lambda: True, every_s=1.0, clock_ms=lambda: 0, stats=Telemetry(),
    )  # fmt: skip
    made._leads = True
    return made


async def test_slices_are_sent_at_once_and_waited_for_together(scorer: Scorer, log: FakeLog) -> None:
    for version in (1, 2, 3):
        scorer._write([score(version)])
    assert log.sent == [1, 2, 3]
    assert log.acknowledged == []
    scorer._land()
    assert log.acknowledged == [1, 2, 3]


async def test_after_a_failure_nothing_newer_is_overtaken_by_what_is_sent_again(scorer: Scorer, log: FakeLog) -> None:
    log.refusals = {2: 2}
    for version in (1, 2, 3):
        scorer._write([score(version)])
    scorer._land()
    assert log.sent == [1, 2, 3, 2, 2, 3], "the third goes out again, behind the second"
    assert log.acknowledged == [1, 2, 3]


async def test_without_room_in_the_queue_scores_wait_for_their_turn(scorer: Scorer, log: FakeLog) -> None:
    scorer._write([score(1)])
    log.is_full = True
    scorer._write([score(2)])
    log.is_full = False
    scorer._write([score(3)])
    assert log.sent == [1], "the third does not overtake the second"
    scorer._land()
    assert log.acknowledged == [1, 2, 3]


async def test_a_log_that_never_answers_ends_the_process(scorer: Scorer, log: FakeLog) -> None:
    log.refusals = {1: 1_000}
    scorer._write([score(1)])
    with pytest.raises(Transient):
        scorer._land()
    assert log.sent == [1] * 31


async def test_who_has_lost_the_lead_sends_nothing_again(scorer: Scorer, log: FakeLog) -> None:
    log.refusals = {1: 1_000}
    scorer._write([score(1)])
    scorer._ask = lambda: False
    scorer._land()
    assert log.sent == [1]
    assert not scorer._flying


async def test_an_orderly_end_with_a_silent_log_is_no_crash(scorer: Scorer, log: FakeLog) -> None:
    log.refusals = {1: 1_000}
    scorer._write([score(1)])
    scorer._halt.set()
    scorer._land()
    assert log.sent == [1]
