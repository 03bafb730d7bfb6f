"""A reader of JSON Schemas (draft 2020-12), for as much of the dialect as ours use."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
}
UNCHECKED = {"description", "default", "examples", "format", "$schema", "title", "$defs"}


def faults(value: Any, root: dict[str, Any]) -> list[str]:
    """The places of a value that do not fit the schema; of the dialect it knows every word that ours use, and no other.

    References are to `$defs` of the schema itself.
    """
    return list(wrong(value, _inlined(root, root["$defs"]), ""))


class _Named(dict[str, Any]):
    """A part of a schema under a name, opened when it is needed: parts contain themselves."""

    def __init__(self, name: str, definitions: dict[str, Any]) -> None:
        super().__init__({"$ref": name})
        self.name, self.definitions = name, definitions


def _inlined(part: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(part, list):
        return [_inlined(item, definitions) for item in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return _Named(part["$ref"].removeprefix("#/$defs/"), definitions)
    return {key: _inlined(inner, definitions) for key, inner in part.items() if key != "$defs"}


def wrong(value: Any, schema: dict[str, Any], place: str = "") -> Iterator[str]:
    if isinstance(schema, _Named):
        yield from wrong(value, _inlined(schema.definitions[schema.name], schema.definitions), place)
        return
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
    "exclusiveMaximum": failing(lambda value, said: value < said, "number"),
}
