"""kill -9 of every service, one after the other, in the middle of a run: counts equal the truth to the event."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from streams.local.demonstration import Demonstration
from tests.brokers import StartKafka
from tests.end_to_end.river import Disturb, Ride, ride, until

SERVICES = ("gateway", "normalise", "reputation", "remediation", "segments", "suppression", "sink", "store", "console")
LONGEST_S = 200.0  # the traffic ends when the last service is back
pytestmark = pytest.mark.timeout(600)  # a busy machine; a ride ends itself, and says why, before


def kill_each(seed: int) -> tuple[list[str], Disturb]:
    """A disturbance that kills each service once, in a random order at random moments."""
    dice = random.Random(seed)
    order = dice.sample(SERVICES, len(SERVICES))
    killed: list[str] = []

    async def disturb(show: Demonstration) -> None:
        supervisor = show.stack.supervisor
        progress = show.simulator.progress
        await until(lambda: progress.events > 200, "the first events")
        for name in order:
            at = progress.events + dice.randrange(50, 300)
            await until(lambda at=at: progress.events >= at, f"the moment to kill {name}")  # type: ignore[misc]
            supervisor.kill(name)
            killed.append(name)
            await until(lambda name=name: supervisor.restarts[name] >= 1, f"{name} to be started again")  # type: ignore[misc]
            await supervisor.wait_until_ready(name, 60)
        at = progress.events + 300
        await until(lambda: progress.events >= at, "traffic after the last kill")
        show.simulator.stop()

    return killed, disturb


def assert_exact(report: dict[str, Any]) -> None:
    assert (report["lost"], report["unexpected"], report["stored_twice"]) == (0, 0, 0)
    assert report["count_mismatches"] == []
    assert report["dead_lettered"] == report["dead_letters_expected"]
    assert report["false_pauses"] == 0
    assert report["activities"]["lost"] == 0
    assert_members_are_exact(report)


def assert_members_are_exact(report: dict[str, Any]) -> None:
    """Each transition is there once, and who is in each segment is who is in it by SQL."""
    segments = report["segments"]
    assert (segments["misnumbered"], segments["oracle_mismatches"], segments["differing"]) == (0, 0, {})
    assert segments["transitions"] > segments["members"] > 50


def kill_again(name: str, times: int, seed: int) -> Disturb:
    """A disturbance that kills one service so often, each time some moments after it is back, under load."""
    dice = random.Random(seed)

    async def disturb(show: Demonstration) -> None:
        supervisor = show.stack.supervisor
        progress = show.simulator.progress
        for number in range(1, times + 1):
            at = progress.events + dice.randrange(200, 2_500)
            await until(lambda at=at: progress.events >= at, f"the moment to kill {name}")  # type: ignore[misc]
            supervisor.kill(name)
            await until(lambda n=number: supervisor.restarts[name] >= n, f"{name} to be started again")  # type: ignore[misc]
            await supervisor.wait_until_ready(name, 60)
        show.simulator.stop()

    return disturb


async def test_counts_are_exact_though_every_service_is_killed(broker_address: str, tmp_path: Path) -> None:
    killed, disturb = kill_each(seed=11)
    run = Ride(scenario="flaky", duration_s=LONGEST_S, rate=150, kafka=broker_address)
    report, _ = await ride(run, tmp_path, disturb)
    assert sorted(killed) == sorted(SERVICES)
    assert_exact(report)


@pytest.mark.slow  # each service once is the short form
async def test_members_are_exact_though_their_service_is_killed_again_and_again(
    broker_address: str, tmp_path: Path
) -> None:
    run = Ride(scenario="flaky", duration_s=LONGEST_S, rate=300, kafka=broker_address)
    report, said = await ride(run, tmp_path, kill_again("segments", 8, seed=12))
    assert sum("segments was ended by SIGKILL" in line for line in said) == 8
    assert_exact(report)


@pytest.mark.slow  # gateway and lane have tests of their own that kill the broker
@pytest.mark.kafka
async def test_counts_are_exact_though_kafka_itself_is_killed(start_kafka: StartKafka, tmp_path: Path) -> None:
    kafka = start_kafka(tmp_path / "kafka")

    async def disturb(show: Demonstration) -> None:
        await until(lambda: show.simulator.progress.events > 1000, "the flow")
        kafka.kill()
        refused = show.simulator.truth.requests["posted"]
        await until(lambda: show.simulator.truth.requests["posted"] > refused + 20, "posts while the broker is away")
        kafka.start()  # blocks for some seconds; processes are started in the main thread

    run = Ride(scenario="flaky", duration_s=30, rate=150, kafka=kafka.bootstrap)
    report, _ = await ride(run, tmp_path, disturb)
    assert_exact(report)
