"""Journeys event by event against the reference: random journeys, random travels, looked at however often."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from schemas.journeys.canonical import as_json, from_json
from schemas.segments.rules import Segment
from streams.core.journeys.along import Traveller, along
from streams.core.journeys.flows import Flows
from streams.core.journeys.ops import Step
from streams.core.journeys.ride import Ride
from streams.core.segments.fact import Fact
from streams.core.segments.program import Program
from streams.core.segments.recipient import Change
from tests.unit.streams.core.journeys.reference import World
from tests.unit.streams.core.journeys.travels import DAY, HOUR, random_journeys, random_travel


class Streamed:
    """One recipient, in turns: what is kept is packed and opened again now and then."""

    def __init__(self, flows: Flows, key: str, changes: Sequence[Change], rng: Random) -> None:
        self.flows, self.key, self.rng, self.left = flows, key, rng, list(changes)
        self.members: set[str] = set()
        self.ride = Ride(flows, key)
        self.steps: list[Step] = []

    def turn(self, fact: Fact | None, now: int) -> None:
        """All changes by time up to `now` come at once, then those by the fact."""
        timed = [change for change in self.left if not change.cause and change.effective_at <= now]
        by_fact = [
            change for change in self.left if fact and change.cause == fact.event_id and change.effective_at == now
        ]
        self.left = [change for change in self.left if change not in timed and change not in by_fact]
        for change in [*timed, *by_fact]:
            (self.members.add if change.is_member else self.members.discard)(change.segment_id)
        self.steps += along(self.ride, [*timed, *by_fact], fact, now, lambda: self.members)
        if self.rng.random() < 0.5:
            stored = self.ride.pack()
            self.ride = Ride(self.flows, self.key, stored)
            assert self.ride.pack() == stored

    def play(self, facts: Sequence[Fact], end: int, looks: float) -> list[Step]:
        """`looks`: how often time is moved without a fact."""
        for now, fact in zip([*(fact.known_at for fact in facts), end], [*facts, None], strict=True):
            if self.rng.random() < looks:
                before = self.ride.next_at or now
                for at in sorted(self.rng.randrange(before, now) for _ in range(3) if before < now):
                    self.turn(None, at)
            self.turn(fact, now)
        return self.steps


def check(seed: int, size: int) -> int:
    rng, key = Random(seed), f"recipient {seed}"
    journeys = random_journeys(rng)
    facts, changes = random_travel(rng, size)
    end = facts[-1].known_at + 60 * DAY
    flows = Flows([from_json(as_json(journey)) for journey in journeys])
    expected = World(journeys, key).play(changes, facts, end)
    found = Streamed(flows, key, changes, rng).play(facts, end, looks=rng.choice((0.0, 0.3, 0.9)))
    assert [tuple(step) for step in found] == expected
    return len(found)


def test_steps_are_those_of_the_reference_in_any_batching() -> None:
    steps = [check(seed, Random(seed).randrange(5, 60)) for seed in range(600)]
    assert sum(steps) > 10_000


@pytest.mark.slow
def test_steps_are_those_of_the_reference_in_many_cases() -> None:
    for seed in range(10_000, 40_000):
        check(seed, Random(seed).randrange(5, 120))


RULES: dict[str, Any] = {
    "vip": {"event": {"name": "order", "within": "2d"}},
    "lapsed": {"all": [{"known_for": "1d"}, {"event": {"name": "page", "within": "1d", "count": 0}}]},
    "buyers": {"event": {"name": "order", "count": {"gte": 2}, "within": "5d"}},
}
PROGRAM = Program([Segment.model_validate({"id": id_, "tenant": "acme", "rule": rule}) for id_, rule in RULES.items()])


def check_with_segments(seed: int, size: int) -> None:
    rng, key = Random(seed), f"recipient {seed}"
    journeys = random_journeys(rng)
    facts, _ = random_travel(rng, size)
    end = facts[-1].known_at + 60 * DAY
    recipient = PROGRAM.open(key, None)
    changes = [change for fact in facts for change in recipient.apply(fact, fact.known_at)] + recipient.advance(end)
    traveller, steps = Traveller(PROGRAM, Flows(journeys), key), list[Step]()
    for now, fact in zip([*(fact.known_at for fact in facts), end], [*facts, None], strict=True):
        for at in sorted(now - rng.randrange(9 * HOUR) for _ in range(rng.randrange(3))):
            if not steps or at > steps[-1].at:
                steps += traveller.advance(at)
        steps += traveller.take(fact) if fact else traveller.advance(now)
    assert [tuple(step) for step in steps] == World(journeys, key).play(changes, facts, end)


def test_with_segments_of_their_own_steps_are_those_of_the_reference() -> None:
    for seed in range(200):
        check_with_segments(seed, Random(seed).randrange(5, 40))
