"""What is said of a journey that cannot be read: place, what was expected, how to mend it.

`parse_journey` is the way in for data from files and from the log. Rules in it, and plain values, are spoken of as in
segments (`schemas/segments/sentences.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, get_origin

from pydantic import BaseModel, ValidationError

from schemas.journeys.endings import RULE_ERROR
from schemas.journeys.journey import EXIT, STEPS, Journey
from schemas.journeys.phrases import EXAMPLES, INSTEAD, KEY_EXAMPLES, STEP_EXAMPLES, STEPS_INSTEAD, WORDS_INSTEAD
from schemas.nearest import hint, models_in, nearest
from schemas.segments.conditions import Condition
from schemas.segments.findings import Finding, error
from schemas.segments.places import Location, Spot, field_of, keys_of, under
from schemas.segments.rules import NODES
from schemas.segments.sentences import At, Said, empty, findings_of, said_of_value, shown
from schemas.segments.texts import Unreadable, refuse_deep

_STEP_LISTS = ("steps", "then", "else")
_KINDS = (*STEPS, EXIT)
_WORDS = {"on": ("enter", "exit"), "again": ("never", "after_exit", "per_key")}
_PATTERNS = {
    "id": "no id of a journey; write small letters, digits, - and _, such as {meant}",
    "webhook": "no name of a webhook; write the one it has in mailweir.yaml, such as {meant}",
}


def parse_journey(data: Any, root: str) -> Journey | list[Finding]:
    """The journey that plain data says, or why it is none. `root`: what it is called where it has no id."""
    if not isinstance(data, Mapping):
        return [error(root, f"{shown(data)} is no journey; write keys: id: abandoned-cart, enter: and steps:")]
    given = data.get("id")
    root = given if isinstance(given, str) and 0 < len(given) <= 63 else root
    try:
        refuse_deep(dict(data))
        journey = Journey.model_validate(dict(data))
        return list(empty(data, root)) or journey
    except Unreadable as deep:
        return [error(root, str(deep))]
    except ValidationError as wrong:
        found = [*_of_rules(wrong, root), *findings_of(wrong, partial(spot_of, root), _said, _meant)]
        without_value = {each.place: each for each in empty(data, root)}
        return [without_value.get(each.place, each) for each in found]


def _of_rules(wrong: ValidationError, root: str) -> Iterator[Finding]:
    for item in wrong.errors(include_url=False):
        if item["type"] == RULE_ERROR:
            place = spot_of(root, item["loc"]).place
            if isinstance(item["input"], str):
                yield error(place, f"{shown(item['input'])} is no rule; write if: {{segment: {item['input'][:40]}}}")
                continue
            for finding in item["ctx"]["findings"]:
                dot = "." if finding.place and not finding.place.startswith("[") else ""
                yield finding._replace(place=f"{place}{dot}{finding.place}")


def spot_of(root: str, location: Location) -> Spot:
    """The spot at which a journey's error is: pydantic names each step twice, by its tag and by its field."""
    spot = _spot(root, "", Journey)
    parts = list(location)
    is_steps = is_path = False
    while parts:
        part = parts.pop(0)
        if part == "[key]":
            break
        place = under(spot.place, part)
        if is_steps and isinstance(part, int):
            kind = str(parts.pop(0)) if parts else ""
            spot, is_steps = _spot(place, kind, STEPS.get(kind)), False
            continue
        field = None if is_path else field_of(spot.model, part)
        model: type[BaseModel] | None = spot.model if is_path or isinstance(part, int) else None
        is_path, is_steps = get_origin(field) is dict, str(part) in _STEP_LISTS
        if field is not None and not is_steps and part != "if":
            model = next(models_in(field), None)
        kind = str(part) if part in EXAMPLES and spot.model is Journey else spot.kind
        spot = _spot(place, kind, model)
    return spot


def _spot(place: str, kind: str, model: type[BaseModel] | None) -> Spot:
    return Spot(place, kind, model, {**KEY_EXAMPLES, **EXAMPLES.get(kind, {})})


def _said(item: Any, location: Location, at: At) -> Said:
    kind, value, spot = item["type"], item["input"], at(location)
    key = str(location[-1]) if location else ""
    if kind == RULE_ERROR:
        return None
    if kind == "extra_forbidden":
        return spot.place, _unknown_key(key, value, at(location[:-1]))
    if kind == "union_tag_not_found":
        return spot.place, _no_step(value)
    own = _own_words(kind, key, value)
    return (spot.place, own) if own else said_of_value(item, location, at)


def _own_words(kind: str, key: str, value: Any) -> str:
    """What only journeys have; "" for what segments have too."""
    if kind == "tuple_type" and key == "exit_when":
        return f"expected a list, found {shown(value)}; begin each below it with `- `, as in - event: {{name: ...}}"
    if kind == "literal_error" and (meant := WORDS_INSTEAD.get(str(value).lower(), "")) in _WORDS.get(key, ()):
        return f"{value!r} is not known; write {meant}"
    if kind == "tuple_type" and key in _STEP_LISTS:
        return f"expected a list of steps, found {shown(value)}; begin each step below it with `- `"
    if kind == "string_pattern_mismatch" and key in _PATTERNS:
        meant = "-".join(value.lower().split())[:63] or "abandoned-cart"
        return f"{value[:70]!r} is {_PATTERNS[key].format(meant=meant)}"
    if key == "share" and kind == "less_than" and isinstance(value, (int, float)) and value <= 100:
        return f"is a part of one, not of a hundred; for {value} percent write {value / 100:g}"
    return ""


def _meant(key: str, known: Sequence[str]) -> str:
    """The known key that an unknown one stands for, "" for none."""
    found = next((ours for ours in INSTEAD.get(key.lower(), ()) if ours in known), "")
    return found or ("if" if key in NODES and "if" in known else nearest(key, known))


def _unknown_key(key: str, value: Any, spot: Spot) -> str:
    known = keys_of(spot.model) if spot.model else []
    if spot.model is not Condition and (meant := _meant(key, known)):
        return _instead(key, value, meant)
    if key in _KINDS and spot.kind:
        return f"a step cannot stand here; put it in the list under then:, else: or steps:, as - {STEP_EXAMPLES[key]}"
    if key in _KINDS:
        return f"is a step; put it in the list under steps:, as - {STEP_EXAMPLES[key]}"
    return f"no such key here; {hint(key, known)}"


def _instead(key: str, value: Any, meant: str) -> str:
    if key in NODES and meant == "if":
        return f"what is so stands under `if`; write if: {{{key}: {value if isinstance(value, str) else '...'}}}"
    if key == "template" and meant == "data":
        return f"no such key here; write data: {{template: {value}}}"
    return f"no such key here; write `{meant}`"


def _no_step(value: Any) -> str:
    """What is said of what stands where a step should."""
    example = f"such as - {STEP_EXAMPLES['wait']}"
    if isinstance(value, str):
        name = value.strip().lower()
        meant = name if name in _KINDS else STEPS_INSTEAD.get(name) or nearest(name, _KINDS)
        said = f"{value[:40]!r} is no step" if meant != name else f"`{name}` is a step's name alone"
        return f"{said}; write for example - {STEP_EXAMPLES[meant or 'wait']}"
    if not isinstance(value, Mapping) or not value:
        return f"expected one step, {example}, found {shown(value)}"
    steps = [key for key in value if key in STEPS]
    if EXIT in value:
        return "`exit` takes nothing; write - exit"
    if len(steps) > 1 or (steps and all(key in _KINDS for key in value)):
        return f"{' and '.join(f'`{key}`' for key in steps)} stand beside each other; begin each step with `- `"
    if steps:
        other = next(key for key in value if key not in STEPS)
        return f"`{other}` stands beside `{steps[0]}`; indent it so that it stands below it, or take it out"
    first = str(next(iter(value)))
    meant = STEPS_INSTEAD.get(first.lower()) or nearest(first, _KINDS)
    said = f"did you mean `{meant}`? Write for example - {STEP_EXAMPLES[meant]}" if meant else ""
    return f"no step is called {first[:40]!r}; {said or 'known: ' + ', '.join(_KINDS)}"
