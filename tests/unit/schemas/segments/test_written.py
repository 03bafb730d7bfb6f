"""A rule that is quoted reads as people write it, and is the same rule when it is read again."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings

from schemas.segments.canonical import canonical_json
from schemas.segments.files import load_segments
from schemas.segments.phrases import NODE_EXAMPLES
from schemas.segments.rules import NODES, Rule, Segment
from schemas.segments.texts import read_yaml
from schemas.segments.written import headline, written
from tests.unit.streams.core.segments.histories import rule_of, rules

EXAMPLES = load_segments([Path(__file__).parents[4] / "examples" / "segments"])


@settings(max_examples=300)
@given(rules(4))
def test_what_is_quoted_is_the_same_rule_when_it_is_read_again(rule: Rule) -> None:
    assert canonical_json(rule_of(read_yaml(written(rule)))) == canonical_json(rule)


@pytest.mark.parametrize("segment", EXAMPLES, ids=lambda segment: segment.id)
def test_the_examples_are_the_same_rules_when_they_are_read_again(segment: Segment) -> None:
    assert canonical_json(rule_of(read_yaml(written(segment.rule)))) == canonical_json(segment.rule)


@pytest.mark.parametrize(
    "text",
    [
        "event: {name: order_completed, where: {products.sku: X-100}, within: 30d}",
        "last_messages: {n: 3, category: marketing, none: opened, mature_after: 1d}",
        "last_messages: {n: 12, none: [opened, clicked]}",
        "event: {name: [email_clicked, page], between: [90d, 30d], count: 0}",
        "event: {name: page, since: 2026-01-01T00:00:00Z}",
        "trait: {path: country, is: {in: [DE, FR]}, for_at_least: 5d}",
        "bucket: {salt: winback, from: 0, to: 0.5}",
        "suppressed: false",
        "known_for: 180d",
        "segment: vip",
        'trait: {path: name, is: "a: {b}"}',
        'trait: {path: code, is: "0100"}',
        'trait: {path: answer, is: "true"}',
        'trait: {path: text, is: "a\\nb\\u001b"}',
        "trait: {path: share, is: {lt: 1.0e-07}}",
    ],
)
def test_a_leaf_reads_as_people_write_it(text: str) -> None:
    assert written(rule_of(read_yaml(text))) == text


def test_a_group_may_be_quoted_without_what_is_below_it() -> None:
    assert headline(rule_of({"all": [{"segment": "vip"}]})) == "all"
    assert headline(rule_of({"not": {"segment": "vip"}})) == "not"
    assert headline(rule_of({"segment": "vip"})) == "segment: vip"


def test_every_kind_of_node_can_be_quoted() -> None:
    for kind in NODES:
        assert written(rule_of(read_yaml(NODE_EXAMPLES[kind]))).startswith(f"{kind}: ")
