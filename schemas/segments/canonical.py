"""One form for rules that mean the same: what leaves share their state by, and what tells versions of a rule apart.

The canonical form is JSON with sorted keys and without defaults; lengths of time and instants are milliseconds. `all`
of one is that one, `all` in `all` is one `all` (and so `any`), children are sorted and not repeated, `not` of `not` is
gone. Counts have whole bounds that are included; of one value `in` is `eq`, `not_in` is `ne`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from pydantic import BaseModel

from schemas.segments.conditions import Condition, Count
from schemas.segments.leaves import LastMessages
from schemas.segments.rules import AllNode, AnyNode, NotNode, Rule, Segment

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def canonical(node: Rule) -> dict[str, Any]:
    """The canonical form as plain data."""
    if isinstance(node, AllNode):
        return _group("all", node.all)
    if isinstance(node, AnyNode):
        return _group("any", node.any)
    if isinstance(node, NotNode):
        inner = canonical(node.not_)
        found: dict[str, Any] = inner.get("not", {"not": inner})
        return found
    return _keys(node)


def canonical_json(node: Rule) -> str:
    """The canonical form as a text: the same for rules that are equal."""
    return _text(canonical(node))


def leaf_hash(node: Rule) -> str:
    """32 hex digits (128 bits of SHA-256) that stand for what a node asks."""
    return hashlib.sha256(canonical_json(node).encode()).hexdigest()[:32]


def rule_version(segment: Segment) -> str:
    """32 hex digits that change when the meaning of the segment's own rule does; its names and words do not count."""
    return leaf_hash(segment.rule)


def _text(data: Any) -> str:
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _distinct(items: Iterable[Any]) -> list[Any]:
    """Sorted by their text and without repeats; true is not 1."""
    by_text = {_text(item): item for item in items}
    return [by_text[text] for text in sorted(by_text)]


def _group(kind: str, nodes: Iterable[Rule]) -> dict[str, Any]:
    children: list[dict[str, Any]] = []
    for child in map(canonical, nodes):
        children += child.get(kind, [child])
    found = _distinct(children)
    return found[0] if len(found) == 1 else {kind: found}


def _keys(model: BaseModel) -> dict[str, Any]:
    """What differs from the defaults, by the names that keys have in a rule."""
    found: dict[str, Any] = {}
    for name, alias, default in _fields(type(model)):
        value = getattr(model, name)
        if value is not None and (plain := _plain(value)) != default:
            found[alias] = plain
    form = _FORMS.get(type(model))
    return form(found) if form else found


@cache
def _fields(model: type[BaseModel]) -> list[tuple[str, str, Any]]:
    """Name, name in a rule, default of each field; a field that is required has the default None, which no value is."""
    return [
        (
            name,
            field.alias or name,
            None if field.is_required() else _plain(field.get_default(call_default_factory=True)),
        )
        for name, field in model.model_fields.items()
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, BaseModel):
        return _keys(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return _number(value)


def _number(value: Any) -> Any:
    """An instant in milliseconds; 5.0 is 5."""
    if isinstance(value, datetime):
        return (value - _EPOCH) // _MS
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _count(keys: dict[str, Any]) -> dict[str, Any]:
    """Whole numbers: more than 2 is at least 3."""
    least = max((keys[name] + shift for name, shift in (("eq", 0), ("gt", 1), ("gte", 0)) if name in keys), default=0)
    most = min((keys[name] - shift for name, shift in (("eq", 0), ("lt", 1), ("lte", 0)) if name in keys), default=None)
    if most is not None and least > most:
        return {"gte": 1, "lte": 0}  # never, however it is written
    if least == most:
        return {"eq": least}
    return {"gte": least} | ({} if most is None else {"lte": most})


def _condition(keys: dict[str, Any]) -> dict[str, Any]:
    for several, one in (("in", "eq"), ("not_in", "ne")):
        if several in keys:
            values = _distinct(keys.pop(several))
            keys |= {one: values[0]} if len(values) == 1 and one not in keys else {several: values}
    return keys


def _reactions(keys: dict[str, Any]) -> dict[str, Any]:
    return {key: _distinct(value) if isinstance(value, list) else value for key, value in keys.items()}


_FORMS: Mapping[type[BaseModel], Callable[[dict[str, Any]], dict[str, Any]]] = {
    Count: _count,
    Condition: _condition,
    LastMessages: _reactions,
}
