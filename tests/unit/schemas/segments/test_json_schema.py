"""The JSON Schema takes what the models take, refuses what they refuse, and uses no words that editors do not know."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from schemas.segments.json_schema import DIALECT, json_schema
from schemas.segments.phrases import NODE_EXAMPLES
from schemas.segments.rules import NODES, Rule
from schemas.segments.texts import read_yaml
from tests.unit.schemas.segments.test_canonical import as_written
from tests.unit.streams.core.segments.histories import rules

SCHEMA = json.loads(json.dumps(json_schema()))
EXAMPLES = sorted((Path(__file__).parents[4] / "examples" / "segments").glob("*.yaml"))
TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
}
UNCHECKED = {"description", "default", "examples", "format", "$schema", "title", "$defs"}


def wrong(value: Any, schema: dict[str, Any], place: str = "") -> Iterator[str]:
    """Every word of the dialect that our schema uses, and no other; the places that do not fit."""
    for word, said in schema.items():
        if word not in UNCHECKED:
            yield from (f"{place}: {word} {found}" for found in WORDS[word](value, said, schema, place))


def failing(is_right: Callable[[Any, Any], bool], *kinds: str) -> Callable[..., Iterator[str]]:
    def check(value: Any, said: Any, _schema: Any, _place: str) -> Iterator[str]:
        if any(TYPES[kind](value) for kind in kinds) and not is_right(value, said):
            yield str(said)[:60]

    return check


def of_type(value: Any, said: Any, _schema: Any, _place: str) -> Iterator[str]:
    if not any(TYPES[kind](value) for kind in ([said] if isinstance(said, str) else said)):
        yield str(said)


def alternatives(value: Any, said: Any, _schema: Any, place: str, *, most: int = 99) -> Iterator[str]:
    fitting = [option for option in said if not list(wrong(value, option, place))]
    if not 1 <= len(fitting) <= most:
        yield f"{len(fitting)} of {len(said)}"


def properties(value: Any, said: Any, _schema: Any, place: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key in value.keys() & said.keys():
            yield from wrong(value[key], said[key], f"{place}.{key}")


def by_pattern(value: Any, said: Any, _schema: Any, place: str) -> Iterator[str]:
    if isinstance(value, dict):
        for pattern, inner in said.items():
            for key in value:
                if re.search(pattern, key):
                    yield from wrong(value[key], inner, f"{place}.{key}")


def others(value: Any, said: Any, schema: Any, _place: str) -> Iterator[str]:
    assert said is False or "patternProperties" not in schema
    if said is False and isinstance(value, dict):
        patterns = schema.get("patternProperties", {})
        known = schema.get("properties", {})
        yield from (key for key in value if key not in known and not any(re.search(p, key) for p in patterns))


def items(value: Any, said: Any, _schema: Any, place: str) -> Iterator[str]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from wrong(item, said if isinstance(said, dict) else said[index], f"{place}[{index}]")


WORDS: dict[str, Callable[..., Iterator[str]]] = {
    "$ref": lambda value, said, _schema, place: wrong(value, SCHEMA["$defs"][said.removeprefix("#/$defs/")], place),
    "type": of_type,
    "anyOf": alternatives,
    "oneOf": lambda value, said, schema, place: alternatives(value, said, schema, place, most=1),
    "properties": properties,
    "patternProperties": by_pattern,
    "additionalProperties": others,
    "propertyNames": lambda value, said, _schema, place: (
        found for key in (value if isinstance(value, dict) else ()) for found in wrong(key, said, place)
    ),
    "items": items,
    "prefixItems": items,
    "required": failing(lambda value, said: set(said) <= value.keys(), "object"),
    "enum": lambda value, said, _schema, _place: iter(() if value in said else ("other",)),
    "const": lambda value, said, _schema, _place: iter(() if value == said else ("other",)),
    "pattern": failing(lambda value, said: re.search(said, value) is not None, "string"),
    "minLength": failing(lambda value, said: len(value) >= said, "string"),
    "maxLength": failing(lambda value, said: len(value) <= said, "string"),
    "minItems": failing(lambda value, said: len(value) >= said, "array"),
    "maxItems": failing(lambda value, said: len(value) <= said, "array"),
    "minProperties": failing(lambda value, said: len(value) >= said, "object"),
    "maxProperties": failing(lambda value, said: len(value) <= said, "object"),
    "minimum": failing(lambda value, said: value >= said, "number"),
    "maximum": failing(lambda value, said: value <= said, "number"),
    "exclusiveMinimum": failing(lambda value, said: value > said, "number"),
}


def test_it_says_which_dialect_it_is_in_and_describes_every_node() -> None:
    assert SCHEMA["$schema"] == DIALECT
    described = SCHEMA["$defs"]["Segment"]["properties"]
    assert set(NODES) <= set(described)
    assert len(SCHEMA["$defs"]["Rule"]["oneOf"]) == len(NODES)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_fit(path: Path) -> None:
    assert list(wrong(read_yaml(path.read_text()), SCHEMA)) == []


@pytest.mark.parametrize("kind", NODES)
def test_the_short_example_of_each_node_fits_beside_the_id(kind: str) -> None:
    node = read_yaml(NODE_EXAMPLES[kind])
    for segment in (
        {"id": "a", **node},
        [{"id": "a", "rule": node}],
        {"tenant": "t", "segments": [{"id": "a", **node}]},
    ):
        assert list(wrong(segment, SCHEMA)) == []


@settings(max_examples=100, deadline=None)
@given(rules(3))
def test_every_rule_that_the_models_take_fits(rule: Rule) -> None:
    assert list(wrong({"id": "a", "rule": as_written(rule)}, SCHEMA)) == []


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
    assert list(wrong(read_yaml(text), SCHEMA))


def test_jsonschema_agrees_where_it_is_installed() -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="only a second opinion; wrong() has read the schema")
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    validator = jsonschema.Draft202012Validator(SCHEMA)
    assert all(not list(validator.iter_errors(read_yaml(path.read_text()))) for path in EXAMPLES)
