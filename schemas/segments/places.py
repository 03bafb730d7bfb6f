"""Where in a rule something is, as a person would say it: `lapsed.all[1].event.within`.

Pydantic's locations name each node twice, by its tag in the union and by its field, and end in the member of a union
that was tried last. Here they become what stands in the file, and which model's keys are meant there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, get_origin

from pydantic import BaseModel

from schemas.nearest import models_in
from schemas.segments.rules import NODES, Segment

Location = Sequence[int | str]
GROUPS = ("all", "any", "not")
_TRIED = frozenset({"bool", "int", "float", "str"})  # members of the unions of plain values
_PLAIN = re.compile(r"[\w$.-]+")
_NO_EXAMPLES: Mapping[str, str] = {}


class Spot(NamedTuple):
    """`kind`: the node it is in, "" outside of all; `model`: whose keys stand at the place, None if it has none.

    `examples`: how keys are written there, where that is not what `phrases.py` says.
    """

    place: str
    kind: str
    model: type[BaseModel] | None
    examples: Mapping[str, str] = _NO_EXAMPLES


def under(place: str, part: int | str) -> str:
    """The place one step further in."""
    if isinstance(part, int):
        return f"{place}[{part}]"
    step = part if _PLAIN.fullmatch(part) else f'"{part[:40]}"'
    return f"{place}.{step}" if place else step


def keys_of(model: type[BaseModel]) -> list[str]:
    """The keys as they are written in a rule."""
    return [field.alias or name for name, field in model.model_fields.items()]


def leaf_model(kind: str) -> type[BaseModel] | None:
    """The model of what stands below a node's key; None for groups and plain values."""
    if kind in GROUPS:
        return None
    return next(models_in(NODES[kind].model_fields[kind].annotation), None)


def without_tried(location: Location, kind_of_error: str) -> Location:
    """Without the member of a union of plain values that pydantic tried."""
    is_tried = (
        len(location) > 1 and location[-1] in _TRIED and kind_of_error in {f"{t}_type" for t in (*_TRIED, "string")}
    )
    return location[:-1] if is_tried else location


def spot_of(root: str, location: Location, *, is_rule_written: bool) -> Spot:
    """The spot at which a segment's error is. `root`: what the segment is called; `is_rule_written`: with `rule:`."""
    if not location or location[0] != "rule":
        return _inside(Spot(root, "", Segment), location)
    spot = Spot(under(root, "rule") if is_rule_written else root, "", None)
    return _in_rule(spot, location[1:])


def _in_rule(spot: Spot, location: Location) -> Spot:
    """`location` begins with a node's tag and field."""
    if len(location) < 2:
        return spot
    kind, rest = str(location[0]), location[2:]
    spot = Spot(under(spot.place, kind), kind, leaf_model(kind))
    if kind not in GROUPS:
        return _inside(spot, rest)
    if kind != "not" and rest:
        return _in_rule(Spot(under(spot.place, rest[0]), kind, None), rest[1:])
    return _in_rule(spot, rest)


def _inside(spot: Spot, location: Location) -> Spot:
    """Keys, items and paths below a model."""
    is_path = False
    for part in location:
        if part == "[key]":
            break
        field = field_of(spot.model, part) if not is_path else None
        model: type[BaseModel] | None = spot.model if is_path else None
        is_path = False
        if field is not None:
            model, is_path = next(models_in(field), None), get_origin(field) is dict
        spot = Spot(under(spot.place, part), spot.kind, model)
    return spot


def field_of(model: type[BaseModel] | None, key: int | str) -> Any:
    """The type of the key's value; None where the model has no such key."""
    if model is None:
        return None
    found = (field.annotation for name, field in model.model_fields.items() if (field.alias or name) == key)
    return next(found, None)
