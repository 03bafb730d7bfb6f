"""Looks that remember the last one answer as those that go through everything, whatever was looked at before."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

import pytest

from schemas.identity import digest
from schemas.segments.rules import Rule, Segment
from streams.core.segments.fact import Fact
from streams.core.segments.leaf import FOREVER, Leaf
from streams.core.segments.moving import Moving
from streams.core.segments.pieces import FIRST_KNOWN
from streams.core.segments.program import Program
from streams.core.segments.records import MOST_RECORDS, inside
from streams.core.segments.why import Question
from tests.unit.streams.core.segments.histories import GRID, HOUR, SPAN, START, random_leaf, rule_of
from tests.unit.streams.core.segments.streamed import dense_history

KINDS = ("aggregate", "event", "regularly", "sequence", "engagement")


def both(rule: Rule) -> tuple[Program, Leaf, Leaf]:
    """A program, and its leaf that asks all, and the one that remembers."""
    segment = Segment(id="asked", tenant="acme", rule=rule)
    plain, moving = Program([segment]), Program([segment], is_moving=True)
    return plain, plain.segments[0].node.leaf, moving.segments[0].node.leaf


@pytest.mark.parametrize("kind", KINDS)
def test_at_any_time_the_answer_is_that_of_the_look_at_everything(kind: str) -> None:
    asked = 0
    for seed in range(25):
        rng = Random(seed)
        program, exact, moving = both(random_leaf(kind, rng))
        if exact.moving is None:
            continue
        recipient = program.open("r", None)
        for fact in dense_history(program, rng, 40):
            recipient.apply(fact, fact.known_at)
            bodies = recipient.bodies
            for at in (fact.known_at, *(START + rng.randrange(2 * SPAN // GRID) * GRID for _ in range(2))):
                clock = inside(at)
                if not bodies[FIRST_KNOWN]:
                    continue
                found = moving.look(bodies, clock, {})
                assert (found > 0) == (exact.look(bodies, clock, {}) > 0), (seed, at)
                assert abs(found) > clock
                last = clock + 400 * HOUR if abs(found) >= FOREVER else abs(found) - 1
                for then in (last, clock + rng.randrange(last - clock + 1)):
                    assert (found > 0) == (exact.look(bodies, then, {}) > 0), (seed, at, then)
                asked += 1
    assert asked > 300


def test_what_came_and_went_is_told_however_much_it_is() -> None:
    rng, there = Random(5), set[bytes]()
    moving = Moving(2, there.add, there.remove)
    before: set[int] = set()
    for _ in range(2_000):
        after = set(before)
        for _ in range(rng.choice((0, 1, 1, 2, 20))):
            after ^= {rng.randrange(1_000)}
        if rng.random() < 0.3:
            after -= set(range(rng.randrange(1_000)))
        records = [each.to_bytes(2, "big") for each in sorted(after)]
        moving.move(b"".join(records))
        assert there == set(records)
        before = after


END = START + SPAN


def _page(number: int) -> Fact:
    at = START + number * (SPAN // MOST_RECORDS)
    return Fact(digest("page", number), "page", at, at, {"amount": 1, "campaign_id": f"c{number % 7}"}, {})


TREE: Mapping[str, Any] = {
    "all": [
        {"engagement": {"is": {"gte": 4, "lt": 9}, "half_life": "36h"}},
        {"any": [
            {"aggregate": {"name": "page", "fn": "distinct", "of": "campaign_id", "within": "2h", "is": {"gte": 7}}},
            {"aggregate": {"name": "page", "fn": "sum", "of": "amount", "is": {"lt": 3_000}}},
        ]},
        {"not": {"regularly": {"name": "page", "every": "6h", "periods": 2, "count": {"gte": 12}}}},
        {"sequence": {"first": {"name": "page"}, "without": {"name": "email_opened"}, "same": "campaign_id",
                      "within": "1h", "expire_after": "12h"}},
    ],
}  # fmt: skip


def test_of_somebody_with_more_facts_than_are_kept_each_node_says_what_following_it_alone_does() -> None:
    rng, rule = Random(3), rule_of(TREE)
    asked = Segment(id="asked", tenant="acme", rule=rule)
    question = Question([asked], [asked], END, is_deep=True)
    program = Program([asked])
    facts = [fact for fact in dense_history(program, rng, 300) if fact.known_at <= END]
    facts += [_page(number) for number in range(MOST_RECORDS)]
    facts.sort(key=lambda fact: fact.known_at)
    [found] = question.answer("r", facts)
    stack = [found.reason]
    while stack:
        node = stack.pop()
        stack += node.below
        alone = Program([Segment(id="asked", tenant="acme", rule=node.rule)]).open("r", None)
        changes = [change for fact in facts for change in alone.apply(fact, fact.known_at)] + alone.advance(END)
        assert node.holds == bool(changes and changes[-1].is_member)
        assert node.since == (changes[-1].effective_at if changes else None)
        if node.until is not None:
            assert [(each.effective_at, each.is_member) for each in alone.advance(node.until)] == [
                (node.until, not node.holds)
            ]
