"""The JSON Schema (draft 2020-12) of a file with journeys, for editors that complete and check while one types."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from schemas.journeys.journey import EXIT, STEPS, Journey
from schemas.journeys.phrases import STEP_EXAMPLES
from schemas.segments.json_schema import DIALECT, file_of, tidy, with_short_forms
from schemas.segments.texts import read_yaml


def json_schema() -> dict[str, Any]:
    """The schema of a file: a journey, a list of them, or `journeys:` with a list."""
    made = tidy(_named_steps(TypeAdapter(Journey).json_schema()))
    definitions: dict[str, Any] = made.pop("$defs")
    with_short_forms(definitions)
    steps = [{"$ref": f"#/$defs/{model.__name__}"} for model in STEPS.values()]
    definitions["Step"] = {"oneOf": [*steps, {"const": EXIT}]}
    for kind, model in STEPS.items():
        definitions[model.__name__]["examples"] = [read_yaml(STEP_EXAMPLES[kind])]
    definitions["Journey"] = {**made, "required": [name for name in made["required"] if name != "tenant"]}
    file = file_of("Journey", "journeys", made["properties"]["tenant"])
    return {"$schema": DIALECT, "title": "Journeys of mailweir", **file, "$defs": definitions}


def _named_steps(part: Any) -> Any:
    """The union of the steps by its name, which leaves only that of a rule's nodes."""
    if isinstance(part, list):
        return [_named_steps(item) for item in part]
    if not isinstance(part, dict):
        return part
    if {"$ref": "#/$defs/WaitStep"} in part.get("oneOf", ()):
        return {"$ref": "#/$defs/Step"}
    return {key: _named_steps(inner) for key, inner in part.items()}
