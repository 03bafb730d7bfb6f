"""Time given to the world only moves forward."""

from __future__ import annotations

from tests.unit.streams.simulator.plays import START_MS, world_of


def test_a_step_back_sends_nothing_again() -> None:
    world = world_of("healthy", events=1_000)
    first = world.step(START_MS + 3_600_000)
    sent = world.messages_sent.total()
    assert world.step(START_MS + 1_800_000) == []
    again = world.step(START_MS + 3_600_000)
    assert first
    assert world.messages_sent.total() == sent
    assert again == []
