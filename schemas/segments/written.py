"""A rule as people write it: a node on one line of YAML, for messages that quote it.

Read again, it is the same rule. What a node would be without saying so is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from pydantic import BaseModel

from schemas.segments.conditions import Amount, Condition
from schemas.segments.durations import text_of
from schemas.segments.leaves import InSegment, Window
from schemas.segments.rules import AllNode, AnyNode, NotNode, Rule, kind_of

_LENGTHS = frozenset({
    "within", "between", "expire_after", "every", "mature_after", "for_at_least", "in_next", "in_last", "over",
    "ahead", "half_life", "known_for", "wait", "for_at_most", "per",
})  # fmt: skip
_ONE_OR_SEVERAL = frozenset({"name", "none", "any", "all"})  # of one item the item itself is written
_ORDER = ("name", "fn", "of", "where", "within", "between", "since", "before", "unless", "count", "is")  # of windows
_MOST_WHOLE = 1e15
_PLAIN = re.compile(r"[A-Za-z_$][\w$.@/+-]*")
_RESERVED = frozenset({"true", "false", "null"})  # words that are no texts


def written(node: Rule) -> str:
    """The node with all below it: `event: {name: order_completed, within: 30d}`."""
    return _flow(plain(node), is_outside=True)


def headline(node: Rule) -> str:
    """The same without the nodes below it: of a group its key alone."""
    return kind_of(node) if isinstance(node, (AllNode, AnyNode, NotNode)) else written(node)


def plain(value: Any, key: str = "") -> Any:
    """The rule or journey as the data that it is read from; `key`: what it stands under."""
    if isinstance(value, BaseModel):
        return _of_model(value)
    if isinstance(value, Mapping):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, tuple):
        items = [plain(item, key) for item in value]
        return items[0] if len(items) == 1 and key in _ONE_OR_SEVERAL and isinstance(items[0], str) else items
    if key in _LENGTHS and isinstance(value, int):
        return _Bare(text_of(value))
    if isinstance(value, datetime):
        return _Bare(value.astimezone(UTC).isoformat().replace("+00:00", "Z"))
    return value


def _of_model(model: BaseModel) -> Any:
    if isinstance(model, InSegment):
        return model.in_
    found = {}
    for name, alias, default in _fields(type(model)):
        value = getattr(model, name)
        if value is not None and value != default:
            found[alias] = plain(value, name)
    if isinstance(model, (Amount, Condition)) and found.keys() == {"eq"}:
        return found["eq"]
    return {key: found[key] for key in _ORDER if key in found} if isinstance(model, Window) else found


@cache
def _fields(model: type[BaseModel]) -> list[tuple[str, str, Any]]:
    """Name, name in a rule, default of each field; None for one that is required."""
    return [
        (name, field.alias or name, None if field.is_required() else field.get_default(call_default_factory=True))
        for name, field in model.model_fields.items()
    ]


class _Bare(str):
    """A text that is written as it is."""

    __slots__ = ()


def _flow(value: Any, *, is_outside: bool = False) -> str:
    if isinstance(value, dict):
        inside = ", ".join(f"{_flow(key)}: {_flow(inner)}" for key, inner in value.items())
        return inside if is_outside else f"{{{inside}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    if isinstance(value, _Bare):
        return str(value)
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _RESERVED:
        return value
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=not value.isprintable())
    return _number(value) if isinstance(value, float) else json.dumps(value)


def _number(value: float) -> str:
    """5.0 is 5; a number with an exponent needs a point to be one in YAML."""
    if value.is_integer() and abs(value) < _MOST_WHOLE:
        return str(int(value))
    found = repr(value)
    return found if "." in found else found.replace("e", ".0e")
