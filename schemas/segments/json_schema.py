"""The JSON Schema (draft 2020-12) of a file with segments, for editors that complete and check while one types.

It is made from the models, with the short forms that they take besides: a plain value for a condition or an amount, the
id for a segment, the node's key beside the segment's `id`.
"""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from schemas.segments.conditions import MOST_COUNT
from schemas.segments.durations import text_of
from schemas.segments.phrases import NODE_EXAMPLES
from schemas.segments.rules import NODES, Segment
from schemas.segments.texts import read_yaml

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NUMBER = {"type": "number"}
_PLAIN = {"type": ["string", "number", "boolean"]}
_COUNT = {"type": "integer", "minimum": 0, "maximum": MOST_COUNT}
_REACTIONS = ("none", "any", "all")
_NAMED = ("properties", "patternProperties", "$defs")  # their keys are names, not words of the dialect


def json_schema() -> dict[str, Any]:
    """The schema of a file: a segment, a list of them, or `segments:` with a list."""
    made = tidy(TypeAdapter(Segment).json_schema())
    definitions: dict[str, Any] = made.pop("$defs")
    with_short_forms(definitions)
    definitions["Segment"] = _segment(made, definitions)
    file = file_of("Segment", "segments", made["properties"]["tenant"])
    return {"$schema": DIALECT, "title": "Segments of mailweir", **file, "$defs": definitions}


def with_short_forms(definitions: dict[str, Any]) -> None:
    """Add the nodes of a rule as one, and what may be written for short."""
    for name, short in (("Condition", _PLAIN), ("Amount", _NUMBER), ("Count", _COUNT)):
        definitions[name] = {"anyOf": [short, definitions[name]]}
    in_segment = definitions["InSegment"]
    definitions["InSegment"] = {"anyOf": [in_segment["properties"]["in"], in_segment]}
    _allow_one_reaction(definitions["LastMessages"]["properties"])
    definitions["Rule"] = {"oneOf": [{"$ref": f"#/$defs/{model.__name__}"} for model in NODES.values()]}
    for kind, model in NODES.items():
        definitions[model.__name__]["examples"] = [read_yaml(NODE_EXAMPLES[kind])]


def tidy(part: Any, *, is_named: bool = False) -> Any:
    """Without titles and nulls; other names are refused; lengths of time as they are written. `is_named`: by key."""
    if isinstance(part, list):
        return [tidy(item) for item in part]
    if not isinstance(part, dict):
        return part
    if is_named:
        return {key: tidy(inner) for key, inner in part.items()}
    if "oneOf" in part:
        return {"$ref": "#/$defs/Rule"}
    kept = {key: inner for key, inner in part.items() if key != "title" and not (key == "default" and inner is None)}
    found = {key: tidy(inner, is_named=key in _NAMED) for key, inner in kept.items()}
    if "patternProperties" in found:
        found["additionalProperties"] = False
    if found.get("type") == "string" and isinstance(found.get("default"), int):
        found["default"] = text_of(found["default"])
    return _without_null(found)


def _without_null(part: dict[str, Any]) -> dict[str, Any]:
    options = [option for option in part.get("anyOf", ()) if option != {"type": "null"}]
    if len(options) == len(part.get("anyOf", ())):
        return part
    rest = {key: inner for key, inner in part.items() if key != "anyOf"}
    return rest | (options[0] if len(options) == 1 else {"anyOf": options})


def _allow_one_reaction(properties: dict[str, Any]) -> None:
    """`none: opened` beside `none: [opened]`."""
    for name in _REACTIONS:
        several = properties[name]
        properties[name] = {"anyOf": [several["items"], several]}


def _segment(made: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """A segment with `rule`, or with exactly one node's key instead."""
    words = {name: part for name, part in made["properties"].items() if name != "rule"}
    nodes = {kind: definitions[model.__name__]["properties"][kind] for kind, model in NODES.items()}
    one_of = [{"required": [name]} for name in ("rule", *nodes)]
    return {
        "description": made["description"],
        "type": "object",
        "properties": words | {"rule": made["properties"]["rule"]} | nodes,
        "required": ["id"],
        "oneOf": one_of,
        "additionalProperties": False,
    }


def file_of(model: str, several_key: str, tenant: dict[str, Any]) -> dict[str, Any]:
    """One of a model, a list of them, or a key with a list."""
    one = {"$ref": f"#/$defs/{model}"}
    several = {"type": "array", "items": one, "minItems": 1}
    wrapped = {
        "type": "object",
        "properties": {"tenant": tenant, several_key: several},
        "required": [several_key],
        "additionalProperties": False,
    }
    return {"anyOf": [one, several, wrapped]}
