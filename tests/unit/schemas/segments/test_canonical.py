"""Rules that mean the same have one form, one hash and one version; rules that do not, have another."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from schemas.segments.canonical import canonical, canonical_json, leaf_hash, rule_version
from schemas.segments.rules import Rule, Segment
from schemas.segments.texts import read_yaml
from tests.unit.streams.core.segments.histories import rules

RULE: TypeAdapter[Rule] = TypeAdapter(Rule)


def rule(text: str) -> Rule:
    return RULE.validate_python(read_yaml(text))


SAME = [
    ("event: {name: page, within: 30d}", "event: {within: PT720H, name: [page], count: {gt: 0}, where: {}}"),
    ("event: {name: [a, b, a]}", "event: {name: [b, a]}"),
    ("event: {name: a, count: {gt: 2, lt: 4}}", "event: {name: a, count: 3}"),
    ("event: {name: a, count: {lt: 1}}", "event: {name: a, count: 0}"),
    ("event: {name: a, where: {x: 5, y: {in: [b, a, b]}}}", "event: {name: a, where: {y: {in: [a, b]}, x: {eq: 5.0}}}"),
    ("event: {name: a, where: {x: {in: [5]}, y: {not_in: [1]}}}", "event: {name: a, where: {x: 5, y: {ne: 1}}}"),
    ("event: {name: a, since: '2026-01-01T00:00:00Z'}", "event: {name: a, since: '2026-01-01T01:00:00+01:00'}"),
    ("last_messages: {n: 3, none: opened, fewer: false}", "last_messages: {n: 3, none: [opened, opened]}"),
    ("last_messages: {n: 3, any: [opened, clicked]}", "last_messages: {n: 3, any: [clicked, opened]}"),
    ("engagement: {is: 3}",
     "engagement: {is: {eq: 3.0}, half_life: 30d, weights: {email_clicked: 3, email_opened: 1}}"),
    ("segment: a", "segment: {in: a}"),
    ("all: [{suppressed: true}]", "suppressed: true"),
    ("not: {not: {suppressed: true}}", "any: [{all: [{suppressed: true}]}]"),
    ("all: [{segment: a}, {all: [{segment: b}, {segment: a}]}]", "all: [{segment: b}, {segment: a}]"),
    ("any: [{segment: a}, {not: {not: {any: [{segment: c}, {segment: b}]}}}]",
     "any: [{segment: b}, {any: [{any: [{segment: c}]}, {segment: a}]}]"),
]  # fmt: skip
OTHER = [
    ("event: {name: a}", "event: {name: b}"),
    ("event: {name: a, within: 30d}", "event: {name: a, within: 31d}"),
    ("event: {name: a, count: {gte: 2}}", "event: {name: a, count: {lte: 2}}"),
    ("event: {name: a, where: {x: 1}}", "event: {name: a, where: {x: true}}"),
    ("event: {name: a, where: {x: 5}}", "event: {name: a, where: {x: '5'}}"),
    ("event: {name: a, where: {x: {in: [1, true]}}}", "event: {name: a, where: {x: {in: [1]}}}"),
    ("first: {name: a}", "latest: {name: a}"),
    ("all: [{segment: a}, {segment: b}]", "any: [{segment: a}, {segment: b}]"),
    ("not: {segment: a}", "segment: a"),
    ("sequence: {first: {name: a}, then: {name: b}, within: 1h}",
     "sequence: {first: {name: b}, then: {name: a}, within: 1h}"),
    ("event: {name: a, between: [3d, 2d]}", "event: {name: a, between: [3d, 1d]}"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME)
def test_two_ways_to_write_a_rule_have_one_hash(one: str, other: str) -> None:
    assert canonical_json(rule(one)) == canonical_json(rule(other))
    assert leaf_hash(rule(one)) == leaf_hash(rule(other))


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_rules_of_another_meaning_have_another_hash(one: str, other: str) -> None:
    assert leaf_hash(rule(one)) != leaf_hash(rule(other))


def test_the_form_and_the_hash_do_not_change_between_releases() -> None:
    asked = rule("all: [{not: {event: {name: page, within: 1h}}}, {suppressed: false}]")
    assert canonical_json(asked) == (
        '{"all":[{"not":{"event":{"name":["page"],"within":3600000}}},{"suppressed":false}]}'
    )
    assert leaf_hash(asked) == "55d97dfb7c628ece9f6e72dbd4f6422f"


def test_a_version_is_of_the_rule_and_not_of_the_words_around_it() -> None:
    def version(**words: str) -> str:
        return rule_version(Segment.model_validate({"id": "a", "tenant": "t", "rule": {"segment": "x"}} | words))

    assert version() == version(id="b", tenant="u", description="else")


def scrambled(node: Any, rng: Random) -> Any:
    """The same rule, written otherwise: in another order, nested, repeated, denied twice."""
    kind, value = next(iter(node.items()))
    if kind in ("all", "any"):
        children = [scrambled(child, rng) for child in value]
        children += rng.sample(children, rng.randrange(len(children) + 1))
        rng.shuffle(children)
        cut = rng.randrange(len(children) + 1)
        children = [*children[:cut], {kind: children[cut:]}] if cut < len(children) else children
        node = {kind: children}
    elif kind == "not":
        node = {"not": scrambled(value, rng)}
    else:
        node = {kind: dict(reversed(value.items()))} if isinstance(value, dict) else node
    return rng.choice((node, node, {"not": {"not": node}}, {"all": [node]}, {"any": [node]}))


def as_written(asked: Rule) -> Any:
    """A rule as a file might have it, lengths in seconds as ISO 8601 has them."""

    def text(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: text(inner, name) for name, inner in value.items() if inner is not None}
        if isinstance(value, list):
            return [text(item, key) for item in value]
        return f"PT{value // 1_000}S" if key in LENGTHS and isinstance(value, int) else value

    return text(json.loads(asked.model_dump_json(by_alias=True)))


LENGTHS = ("within", "between", "every", "expire_after", "mature_after", "for_at_least", "in_next", "in_last", "over",
           "ahead", "known_for", "half_life")  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(rules(4), st.integers(0, 2**32))
def test_order_nesting_repetition_and_other_words_change_no_hash(asked: Rule, seed: int) -> None:
    other = RULE.validate_python(scrambled(as_written(asked), Random(seed)))
    assert canonical(other) == canonical(asked)
    assert leaf_hash(other) == leaf_hash(asked)


@settings(max_examples=150, deadline=None)
@given(rules(3), rules(3))
def test_a_rule_and_its_opposite_and_its_neighbours_have_different_hashes(one: Rule, other: Rule) -> None:
    opposite = RULE.validate_python({"not": as_written(one)})
    assert leaf_hash(opposite) != leaf_hash(one)
    if canonical(one) != canonical(other):
        assert leaf_hash(one) != leaf_hash(other)
