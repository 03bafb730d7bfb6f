"""Several scorers on one log: one scores, all know what it knows, and the next goes on where it ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from schemas.aggregates import ReputationPartial, ReputationScore
from schemas.topics import REPUTATION_PARTIALS, REPUTATION_SCORES
from streams.agents.scorer import Scorer
from streams.core.counting import row_key
from streams.core.reputation.score import score
from streams.kafka import LogProducer
from streams.local.broker import Tansu
from streams.telemetry import Telemetry
from streams.topics import apply_topics
from tests.unit.streams.core.reputation_cases import CODEC, START, partial_of

PARTITIONS = 2
TIMEOUT_S = 60.0
Build = Callable[[Callable[[], bool | None]], Scorer]


class Log:
    """Partials in, scores out."""

    def __init__(self, bootstrap: str) -> None:
        self._producer = Producer({"bootstrap.servers": bootstrap, "log_level": 2})
        self._scores = Consumer({"bootstrap.servers": bootstrap, "group.id": "test", "log_level": 2})
        self._scores.assign([TopicPartition(REPUTATION_SCORES.name, 0, 0)])
        self.found: list[ReputationScore] = []

    def say(self, *partials: ReputationPartial) -> None:
        for partial in partials:
            key = row_key(partial.tenant, partial.kind, partial.key, partial.source, partial.minute)
            self._producer.produce(REPUTATION_PARTIALS.name, CODEC.encode(partial), key, partial.partition)
        assert self._producer.flush(10) == 0

    def read(self) -> list[ReputationScore]:
        """All scores so far."""
        while messages := self._scores.consume(100, 0.2):
            self.found += [CODEC.decode(m.value() or b"", ReputationScore) for m in messages if m.error() is None]
        return self.found

    def delivered(self, key: str) -> list[int]:
        """What the scores of a key count, in their order."""
        return [found.delivered for found in self.read() if found.key == key]


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.02)


@pytest.fixture
async def build(tmp_path: Path) -> AsyncIterator[tuple[Build, Log]]:
    with Tansu(tmp_path) as broker:
        apply_topics(broker.bootstrap, PARTITIONS, 1, timeout_s=30.0)
        producer = LogProducer(broker.bootstrap)

        def scorer(leads: Callable[[], bool | None]) -> Scorer:
            return Scorer(
                broker.bootstrap, log_producer=producer, codec=CODEC,
                score_key=lambda view, now_ms, context: score(view, (), now_ms, context), partitions=PARTITIONS,
                every_s=0.1,
                leads=leads, clock_ms=lambda: START, stats=Telemetry(),
            )  # fmt: skip

        yield scorer, Log(broker.bootstrap)
        producer.close()


async def test_the_next_scorer_goes_on_with_what_it_has_read_along(build: tuple[Build, Log]) -> None:
    new, log = build
    log.say(partial_of(0, 1, delivered=1), partial_of(0, 1, partition=1, delivered=2))
    leads: dict[str, bool | None] = {"first": None, "second": False}
    first, second = new(lambda: leads["first"]), new(lambda: leads["second"])
    await first.start()
    await until(lambda: first._is_current)
    assert not first.is_ready, "nobody has said whether it leads"
    leads["first"] = True
    assert first.is_ready
    await until(lambda: log.delivered("spring") == [3])
    await second.start()
    await until(lambda: second.is_ready)
    log.say(partial_of(1, 2, delivered=5))
    await until(lambda: log.delivered("spring")[-1] == 8)
    alone = len(log.delivered("spring"))
    log.say(partial_of(1, 3, delivered=6))
    await until(lambda: log.delivered("spring")[-1] == 9)
    assert len(log.delivered("spring")) == alone + 1, "only one of them writes"

    await first.stop()
    leads["second"] = True
    await until(lambda: second._leads)
    log.say(partial_of(2, 4, delivered=1), partial_of(0, 4, key="new", delivered=7))
    await until(lambda: log.delivered("spring")[-1] == 10 and log.delivered("new") == [7])
    newest = next(found for found in reversed(log.found) if found.key == "spring")
    assert newest.oldest_new_received_at == START + 4, "what it read along before has no latency"
    await second.stop()
