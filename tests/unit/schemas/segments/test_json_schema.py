"""The JSON Schema takes what the models take, refuses what they refuse, and uses no words that editors do not know."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator

from schemas.segments.json_schema import DIALECT, json_schema
from schemas.segments.phrases import NODE_EXAMPLES
from schemas.segments.rules import NODES, Rule
from schemas.segments.texts import read_yaml
from tests.unit.schemas.json_schemas import faults
from tests.unit.schemas.segments.test_canonical import as_written
from tests.unit.streams.core.segments.histories import rules

SCHEMA = json.loads(json.dumps(json_schema()))
EXAMPLES = sorted((Path(__file__).parents[4] / "examples" / "segments").glob("*.yaml"))


def test_it_says_which_dialect_it_is_in_and_describes_every_node() -> None:
    assert SCHEMA["$schema"] == DIALECT
    described = SCHEMA["$defs"]["Segment"]["properties"]
    assert set(NODES) <= set(described)
    assert len(SCHEMA["$defs"]["Rule"]["oneOf"]) == len(NODES)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_fit(path: Path) -> None:
    assert faults(read_yaml(path.read_text()), SCHEMA) == []


@pytest.mark.parametrize("kind", NODES)
def test_the_short_example_of_each_node_fits_beside_the_id(kind: str) -> None:
    node = read_yaml(NODE_EXAMPLES[kind])
    for segment in (
        {"id": "a", **node},
        [{"id": "a", "rule": node}],
        {"tenant": "t", "segments": [{"id": "a", **node}]},
    ):
        assert faults(segment, SCHEMA) == []


@settings(max_examples=100, deadline=None)
@given(rules(3))
def test_every_rule_that_the_models_take_fits(rule: Rule) -> None:
    assert faults({"id": "a", "rule": as_written(rule)}, SCHEMA) == []


@pytest.mark.parametrize(
    "text",
    [
        "event: {name: page}", "id: a", "id: a\nevnt: {name: page}", "id: A\nevent: {name: page}",
        "id: a\nevent: {name: page}\nsuppressed: true", "id: a\nevent: {name: page, within: 30}",
        "id: a\nevent: {name: page, withn: 30d}", "id: a\nevent: {name: Page}", "id: a\nall: []",
        "id: a\nevent: {name: page, where: {price >= 3: 5}}", "id: a\nlast_messages: {n: 3, none: open}",
        "id: a\nnot: [{suppressed: true}]", "id: a\nevent: {name: page, count: 2000}", "[]", "segments: []",
        "id: a\nbucket: {salt: s, from: 0, to: 50}", "id: a\nengagement: {is: 3, weights: {Opened: 1}}",
        "id: a\nevent: {name: page, count: '>= 3'}", "id: a\nsuppressed: 'yes'", "id: a\nevent: {name: page, within: }",
    ],
)  # fmt: skip
def test_what_the_models_refuse_does_not_fit(text: str) -> None:
    assert faults(read_yaml(text), SCHEMA)


def test_jsonschema_agrees() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    validator = Draft202012Validator(SCHEMA)
    assert all(not list(validator.iter_errors(read_yaml(path.read_text()))) for path in EXAMPLES)
