"""What the evaluator says of a recipient over time, for tests that compare it with another way to evaluate."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from random import Random

from schemas.segments.rules import Rule, Segment
from streams.core.segments.fact import Fact
from streams.core.segments.program import Program
from streams.core.segments.recipient import Change, Recipient
from tests.unit.streams.core.segments.histories import START, random_history

Timeline = list[tuple[int, bool]]
"""When somebody entered (True) and left."""


def program_of(rules: Mapping[str, Rule]) -> Program:
    return Program([Segment(id=name, tenant="acme", rule=rule) for name, rule in rules.items()])


def reopened(program: Program, recipient: Recipient, key: str) -> Recipient:
    packed = recipient.pack()
    again = program.open(key, packed)
    assert again.pack() == packed
    assert again.next_at == recipient.next_at
    return again


def played(program: Program, key: str, facts: Sequence[Fact], rng: Random, end: int) -> list[Change]:
    """All changes, from a recipient that is packed and opened and advanced now and then."""
    recipient, changes = program.open(key, None), []
    for fact in facts:
        if rng.random() < 0.3:
            recipient = reopened(program, recipient, key)
        changes += recipient.apply(fact, fact.known_at)
    for at in sorted(rng.randrange(max((f.known_at for f in facts), default=START), end + 1) for _ in range(3)):
        changes += recipient.advance(at)
    changes += reopened(program, recipient, key).advance(end)
    return changes


def timelines(changes: Sequence[Change]) -> dict[str, Timeline]:
    found: dict[str, Timeline] = {}
    for change in changes:
        line = found.setdefault(change.segment_id, [])
        assert not line or line[-1][0] <= change.effective_at
        assert (line[-1][1] if line else False) != change.is_member
        line.append((change.effective_at, change.is_member))
    return found


def is_member(line: Timeline, at: int) -> bool:
    place = bisect_right(line, at, key=lambda each: each[0])
    return place > 0 and line[place - 1][1]


def dense_history(program: Program, rng: Random, size: int) -> list[Fact]:
    """Facts of which nine in ten are of kinds that the program looks at."""
    found: list[Fact] = []
    while len(found) < size:
        facts = random_history(rng, 1)
        is_asked = facts[0].name in program.names or not program.traits.isdisjoint(facts[0].traits)
        found += facts if is_asked or not program.names or rng.random() < 0.02 else []
    return sorted(found, key=lambda fact: fact.known_at)


def stretched(at: int, times: int) -> int:
    return START + (at - START) * times
