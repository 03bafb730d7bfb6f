"""The lane under kill -9, torn flushes, pauses, rebalances and a broker's death: counts stay exact.

The short, seeded form of `make chaos`: the same rounds (`tests/chaos/`), a few on each broker.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.local.broker import Broker
from tests.brokers import StartKafka
from tests.chaos.events import PARTITIONS
from tests.chaos.rig import Rig
from tests.chaos.rounds import run_round

EVENTS = 15_000


@pytest.fixture
def rig(broker: Broker, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(broker, tmp_path, seed=7)
    yield made
    made.close()


def one(rig: Rig, kind: str, *, workers: int, seed: int) -> dict[str, int]:
    """A round that must be exact; how its processes ended."""
    done = run_round(rig, seed, kind, workers, random.Random(seed), EVENTS)
    assert done.verdict.behind == []
    assert done.verdict.wrong == []
    return done.ends


def owned(log: Path) -> list[tuple[set[int], set[int]]]:
    """(all, new) partitions of a worker after each time it was given some."""
    lines = re.findall(r"own partitions \[(.*?)\], new \[(.*?)\]", log.read_text() if log.exists() else "")
    return [(numbers(ours), numbers(new)) for ours, new in lines]


def numbers(listed: str) -> set[int]:
    return {int(number) for number in listed.split(", ") if number}


def test_counts_are_exact_after_a_kill_at_a_random_moment_and_a_torn_flush(rig: Rig) -> None:
    assert one(rig, "kill", workers=1, seed=1)["killed"] >= 1
    rounds = (one(rig, "torn", workers=1, seed=seed) for seed in (2, 12, 22))
    assert any("torn" in ends for ends in rounds), "each flow was over before its worker was told to tear a flush"


def test_a_paused_owner_that_wakes_up_does_no_harm(rig: Rig) -> None:
    one(rig, "pause", workers=2, seed=3)


def test_partitions_that_stay_keep_their_state_when_a_worker_joins_and_leaves(rig: Rig) -> None:
    everything, first, second = set(range(PARTITIONS)), rig.folder / "worker-1.log", rig.folder / "worker-2.log"
    rig.workers.want(1)
    assert rig.wait(60, lambda: any(ours == everything for ours, _ in owned(first)))
    feed = rig.feed(EVENTS, burst=EVENTS // 2, seconds=6)
    before = len(owned(first))
    rig.workers.want(2)
    assert rig.wait(60, lambda: any(ours for ours, _ in owned(second)))
    share = owned(second)[-1][0]
    rig.workers.want(1)
    assert rig.wait(60, lambda: owned(first)[-1][0] == everything)
    taken_over = [new for _, new in owned(first)[before:] if new]
    assert taken_over == [share], "only what had gone was restored"
    assert 0 < len(share) < PARTITIONS
    verdict = rig.settle(feed, 60)
    assert verdict.behind == []
    assert verdict.wrong == []


@pytest.mark.kafka
def test_counts_are_exact_though_the_broker_is_killed(start_kafka: StartKafka, tmp_path: Path) -> None:
    rig = Rig(start_kafka(tmp_path / "kafka"), tmp_path, seed=8)
    try:
        one(rig, "broker-kill", workers=1, seed=6)
    finally:
        rig.close()
