"""The segments service under kill -9, rebalances and restarts: the transitions that the log stands for, each once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from schemas.transitions import RULE, SegmentTransition
from streams.agents.segment_state import FIRED_AT_ONCE
from streams.local import processes
from streams.local.broker import Tansu
from tests.brokers import StartKafka
from tests.segment_flow import CODEC, JOURNEYS, PARTITIONS, RULES, Flow, of_each
from tests.segment_stand_in import DAY, WITHIN


@pytest.fixture
def on_kafka(tmp_path: Path, start_kafka: StartKafka) -> Iterator[Flow]:
    made = Flow(start_kafka(tmp_path / "kafka").bootstrap, tmp_path)
    yield made
    made.close()


@pytest.fixture
def on_tansu(tmp_path: Path) -> Iterator[Flow]:
    with Tansu(tmp_path) as broker:
        made = Flow(broker.bootstrap, tmp_path)
        yield made
        made.close()


def ride(flow: Flow, kills: int) -> None:
    """Kill -9 in the middle, some times; a second worker comes, the first one goes."""
    dice = Random(21)
    flow.feed(900, dice)
    flow.wait(lambda: sum(flow.marked) > 200, workers=1)
    for _ in range(kills):
        flow.feed(900, dice)
        done = sum(flow.marked)
        flow.wait(lambda n=done: sum(flow.marked) > n, workers=1)  # type: ignore[misc]
        processes.kill(flow.workers[0])
    flow.feed(900, dice)
    flow.wait(lambda: flow.is_done, workers=2)
    flow.feed(600, dice)
    flow.leave()
    flow.feed(600, dice)
    flow.wait(lambda: flow.is_done, workers=1)


@pytest.mark.kafka
def test_kills_and_a_second_worker_change_nothing_in_the_transitions(on_kafka: Flow) -> None:
    ride(on_kafka, 2)
    on_kafka.check(is_each_once=True)


def test_on_tansu_which_shows_torn_flushes_nothing_is_missing_and_a_repeat_is_the_same_record(on_tansu: Flow) -> None:
    ride(on_tansu, 1)
    on_tansu.check(is_each_once=False)


@pytest.mark.kafka
def test_time_alone_ends_memberships_on_idle_partitions_after_a_restart_more_than_a_batch_fires(on_kafka: Flow) -> None:
    flow = on_kafka
    flow.feed(2_000, Random(22), recipients=4_000, pace_ms=60_000)
    flow.wait(lambda: flow.is_done, workers=1)
    last = flow.clock
    flow.leave()
    members = sum(len(changes) % 2 for changes in of_each(flow.said).values())
    flow.tick(last + WITHIN - 6 * DAY)
    flow.wait(lambda: flow.is_done, workers=1)
    flow.tick(last + WITHIN)  # the last record: what it does not fire itself comes in pieces behind it
    flow.wait(lambda: flow.is_done, workers=1)
    flow.check(is_each_once=True)
    ends = [CODEC.decode(value, SegmentTransition) for value in flow.said[-members:]]
    assert {(item.is_member, item.cause, item.effective_at == item.detected_at) for item in ends} == {(0, "", True)}
    assert members > PARTITIONS * FIRED_AT_ONCE


@pytest.mark.kafka
def test_rules_that_change_take_effect_within_seconds_and_wrong_ones_not_at_all(on_kafka: Flow) -> None:
    flow, rules = on_kafka, on_kafka.folder / "rules.yaml"
    flow.feed(300, Random(23))
    flow.wait(lambda: flow.is_done and bool(flow.said), workers=1)
    worker = flow.workers[0].pid
    rules.write_text(RULES.replace("30d", "30"))
    flow.wait(lambda: b"30 has no unit" in flow.logs[0].read_bytes(), workers=1)
    (flow.folder / "journeys.yaml").write_text(JOURNEYS.replace("recent-buyers", "all-buyers"))
    rules.write_text(RULES.replace("recent-buyers", "all-buyers").replace(", within: 30d", ""))
    buyers = {who for who, changes in of_each(flow.said).items() if changes}

    def now_in() -> set[str]:
        found = [CODEC.decode(value, SegmentTransition) for value in flow.said]
        return {each.recipient_key for each in found if (each.segment_id, each.is_member) == ("all-buyers", 1)}

    flow.wait(lambda: now_in() >= buyers, workers=1)
    left = [CODEC.decode(value, SegmentTransition) for value in flow.said]
    assert {each.cause for each in left if each.segment_id == "all-buyers"} == {RULE}
    assert [each.pid for each in flow.workers] == [worker]
