"""The evaluator against the reference: memberships over time after random histories, for every kind of node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.segments.rules import NODES, Rule
from streams.core.segments.fact import Fact
from streams.core.segments.recipient import Change, Recipient
from tests.unit.streams.core.segments.brute import holds
from tests.unit.streams.core.segments.histories import (
    GRID,
    HOUR,
    LEAF_KINDS,
    RECIPIENTS,
    SEGMENT_IDS,
    SPAN,
    START,
    histories,
    leaf,
    random_leaf,
    random_rule,
    rules,
)
from tests.unit.streams.core.segments.histories import segments as named_segments
from tests.unit.streams.core.segments.streamed import (
    Timeline,
    dense_history,
    is_member,
    played,
    program_of,
    stretched,
    timelines,
)

END = START + SPAN + 20 * 24 * HOUR
SEEDS = st.integers(0, 2**32)
PLAIN = tuple(kind for kind in LEAF_KINDS if kind != "segment")


def instants(line: Timeline, facts: Sequence[Fact], rng: Random, end: int) -> Iterator[int]:
    for at, _ in line[:12]:
        yield from (at, at - 1)
    for fact in facts[:4]:
        yield from (fact.known_at, fact.known_at - 1)
    for _ in range(14):
        at = START + rng.randrange((end - START - 14 * 24 * HOUR) // GRID) * GRID
        yield from (at, at - 1)


def check(rules: Mapping[str, Rule], facts: Sequence[Fact], seed: int, end: int = END) -> None:
    rng = Random(seed)
    key = rng.choice(RECIPIENTS)
    lines = timelines(played(program_of(rules), key, facts, rng, end))
    for name, rule in rules.items():
        line = lines.get(name, [])
        for at in instants(line, facts, rng, end):
            assert is_member(line, at) == holds(rule, key, facts, at, rules), (name, at)


def quickly(examples: int) -> settings:
    return settings(deadline=None, max_examples=examples, derandomize=True, database=None)


@pytest.mark.parametrize("kind", NODES)
def test_memberships_are_those_of_the_reference_for_every_kind_of_node(kind: str) -> None:
    @quickly(60)
    @given(rule=leaf(kind), named=named_segments(), facts=histories(30), seed=SEEDS)
    def compare(rule: Rule, named: dict[str, Rule], facts: list[Fact], seed: int) -> None:
        check({**named, "asked": rule}, facts, seed)

    compare()


@quickly(150)
@given(rule=rules(4), named=named_segments(), facts=histories(), seed=SEEDS)
def test_memberships_are_those_of_the_reference_for_trees(
    rule: Rule, named: dict[str, Rule], facts: list[Fact], seed: int
) -> None:
    check({**named, "asked": rule}, facts, seed)


def check_dense(kind: str, seed: int, stretch: int = 1) -> None:
    rng = Random(f"{kind} {seed}")
    rule = random_rule(rng, 4) if kind == "tree" else random_leaf(kind, rng)
    asked = {**{name: random_rule(rng, 2, PLAIN) for name in SEGMENT_IDS}, "asked": rule}
    if kind not in {"tree", "segment"}:
        asked = {"asked": rule} | {f"shares{n}": random_leaf(kind, rng) for n in range(3)}
    facts = dense_history(program_of(asked), rng, rng.randrange(5, 40))
    facts = [f._replace(at=stretched(f.at, stretch), known_at=stretched(f.known_at, stretch)) for f in facts]
    check(asked, facts, seed, max(stretched(START + SPAN, stretch), facts[-1].known_at) + 20 * 24 * HOUR)


@pytest.mark.parametrize("kind", [*LEAF_KINDS, "tree"])
def test_memberships_are_those_of_the_reference_where_much_happens(kind: str) -> None:
    for seed in range(100):
        check_dense(kind, seed)


@pytest.mark.parametrize("kind", ["event", "latest", "sequence", "trait", "engagement", "tree"])
def test_memberships_are_those_of_the_reference_when_most_is_long_ago(kind: str) -> None:
    """Eighty days, late by up to thirty: what was dropped does not matter any more."""
    for seed in range(60):
        check_dense(kind, seed, stretch=10)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*LEAF_KINDS, "tree"])
def test_memberships_are_those_of_the_reference_in_many_cases(kind: str) -> None:
    for seed in range(100, 2_000):
        check_dense(kind, seed, stretch=10 if seed % 4 == 0 else 1)


@quickly(100)
@given(asked=st.lists(rules(3), min_size=1, max_size=4), facts=histories(), seed=SEEDS)
def test_one_step_gives_the_changes_of_many(asked: list[Rule], facts: list[Fact], seed: int) -> None:
    rng, program = Random(seed), program_of({f"r{n}": rule for n, rule in enumerate(asked)})
    one, many = (program.open(RECIPIENTS[0], None) for _ in range(2))
    changes: list[list[Change]] = [[], []]
    clock = START
    for fact in facts:
        changes[0] += one.apply(fact, fact.known_at)
        while clock < fact.known_at:
            clock = min(clock + rng.randrange(1, 20 * HOUR), fact.known_at)
            changes[1] += many.advance(clock)
        changes[1] += many.apply(fact, fact.known_at)
    for at in range(max(clock, START), END, 7 * HOUR + 1):
        changes[1] += many.advance(at)
    assert changes[0] + one.advance(END) == changes[1] + many.advance(END)


@quickly(150)
@given(asked=st.lists(rules(3), min_size=1, max_size=3), facts=histories(25), seed=SEEDS)
def test_until_is_when_time_alone_changes_the_answer(asked: list[Rule], facts: list[Fact], seed: int) -> None:
    program = program_of({f"r{n}": rule for n, rule in enumerate(asked)})
    recipient, now = program.open(RECIPIENTS[0], None), START
    for fact in facts:
        now = fact.known_at
        recipient.apply(fact, now)
    now += Random(seed).randrange(20 * 24 * HOUR)
    recipient.advance(now)
    said = recipient.explain(now)
    changes = recipient.advance(now + 365 * 24 * HOUR)
    for each in said:
        first = next((c.effective_at for c in changes if c.segment_id == each["segment"]), None)
        assert each["until"] == first or (first is None and each["until"] > now + 365 * 24 * HOUR)
        assert each["is_member"] == (each["node"]["holds"])


def seen_from(recipient: Recipient, now: int, expected: Mapping[str, Rule], key: str, facts: Sequence[Fact]) -> None:
    """From `now` on the recipient's memberships are those of the reference over these facts."""
    rng = Random(now)
    for at in (now, *sorted(now + rng.randrange(9 * 24 * HOUR // GRID) * GRID for _ in range(8))):
        recipient.advance(at)
        is_in = {each["segment"]: each["since"] is not None for each in recipient.explain(at)}
        assert is_in == {name: holds(rule, key, facts, at, expected, END) for name, rule in expected.items()}, at


KEPT_WHOLE = tuple(kind for kind in PLAIN if kind != "last_messages")


@pytest.mark.parametrize("kind", KEPT_WHOLE)
def test_an_event_that_is_taken_out_has_not_happened(kind: str) -> None:
    @quickly(25)
    @given(rule=leaf(kind), facts=histories(25).filter(bool), seed=SEEDS)
    def compare(rule: Rule, facts: list[Fact], seed: int) -> None:
        gone = Random(seed).choice(facts).event_id
        recipient = program_of({"asked": rule}).open(RECIPIENTS[0], None)
        for fact in facts:
            recipient.apply(fact, fact.known_at)
        now = facts[-1].known_at + seed % 5 * HOUR
        recipient.erase(gone, now)
        seen_from(recipient, now, {"asked": rule}, RECIPIENTS[0], [fact for fact in facts if fact.event_id != gone])

    compare()


@quickly(120)
@given(asked=st.lists(rules(3), min_size=1, max_size=3), one=histories(25), two=histories(25))
def test_two_recipients_that_are_one_have_the_facts_of_both(
    asked: list[Rule], one: list[Fact], two: list[Fact]
) -> None:
    known = {f"r{n}": rule for n, rule in enumerate(asked)}
    program = program_of(known)
    recipients = [program.open(key, None) for key in RECIPIENTS[:2]]
    for recipient, facts in zip(recipients, (one, two), strict=True):
        for fact in facts:
            recipient.apply(fact, fact.known_at)
    now = max((fact.known_at for fact in one + two), default=START)
    recipients[0].merge(recipients[1], now)
    seen_from(recipients[0], now, known, RECIPIENTS[0], one + two)


@quickly(120)
@given(old=rules(3), new=rules(3), facts=histories(30), seed=SEEDS)
def test_a_new_program_takes_nothing_from_the_segments_that_stay(
    old: Rule, new: Rule, facts: list[Fact], seed: int
) -> None:
    split = Random(seed).randrange(len(facts) + 1)
    before, after = program_of({"stays": old}), program_of({"before": new, "stays": old})
    recipient, changes = before.open(RECIPIENTS[0], None), []
    for fact in facts[:split]:
        changes += recipient.apply(fact, fact.known_at)
    recipient = after.open(RECIPIENTS[0], recipient.pack())
    for fact in facts[split:]:
        changes += recipient.apply(fact, fact.known_at)
    changes += recipient.advance(END)
    whole, expected = before.open(RECIPIENTS[0], None), []
    for fact in facts:
        expected += whole.apply(fact, fact.known_at)
    expected += whole.advance(END)
    assert [change for change in changes if change.segment_id == "stays"] == expected
