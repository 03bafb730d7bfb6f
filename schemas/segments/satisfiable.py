"""Bounds and conditions that no value can meet, or that every value meets."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from schemas.segments.conditions import Amount, Condition, Count

_NUMERIC = ("gt", "gte", "lt", "lte")
_TEXTUAL = ("contains", "starts_with", "ends_with")
_TEMPORAL = ("before", "after")
_NONE_IS = ("ne", "not_in")  # hold of all values together, also of none


class Range(NamedTuple):
    """Numbers from `least` to `most`; each end with the bound that sets it, and whether it is left out itself."""

    least: float
    least_by: str
    is_open_below: bool
    most: float
    most_by: str
    is_open_above: bool

    @property
    def is_empty(self) -> bool:
        """Does no number lie in it?"""
        return self.least > self.most or (self.least == self.most and (self.is_open_below or self.is_open_above))


def range_of(amount: Mapping[str, float], *, is_whole: bool = False, floor: float = -math.inf) -> Range:
    """What the bounds leave of the numbers from `floor` on; of whole ones, `gt: 2` is `gte: 3`."""
    lower: list[tuple[float, bool, str]] = [(floor, False, "")]
    upper: list[tuple[float, bool, str]] = [(math.inf, False, "")]
    for name, value in amount.items():
        step = 1 if is_whole and name in ("gt", "lt") else 0
        is_open = name in ("gt", "lt") and not is_whole
        if name in ("eq", "gt", "gte"):
            lower.append((value + step, is_open, f"{name}: {value}"))
        if name in ("eq", "lt", "lte"):
            upper.append((value - step, is_open, f"{name}: {value}"))
    least = max(lower, key=lambda bound: bound[:2])
    most = min(upper, key=lambda bound: (bound[0], not bound[1]))
    return Range(least[0], least[2], least[1], most[0], most[2], most[1])


def never_amount(amount: Amount, floor: float = -math.inf) -> str:
    """Why no number meets the bounds; "" if one does. `floor`: the least that the number can be."""
    found = range_of(amount.asked, is_whole=isinstance(amount, Count), floor=floor)
    if not found.is_empty:
        return ""
    if not found.least_by:
        return f"it is never less than {found.least}, as `{found.most_by}` asks; mend the bound"
    if not found.most_by or found.least_by == found.most_by:
        return f"no whole number is so; mend `{found.least_by}`"
    return f"`{found.least_by}` and `{found.most_by}` leave nothing between them; keep one, or mend it"


def always_amount(amount: Amount, floor: float) -> bool:
    """Does every number from `floor` on meet the bounds?"""
    found = range_of(amount.asked, is_whole=isinstance(amount, Count), floor=floor)
    return found.least == floor and not found.is_open_below and found.most == math.inf


def never_condition(condition: Condition) -> str:
    """Why no value meets the condition; "" if one may."""
    asked = condition.asked
    wanted = [name for name in asked if name not in (*_NONE_IS, "exists")]
    if asked.get("exists") is False and wanted:
        return f"there is no value that `{wanted[0]}` could ask, with exists: false; keep one of them"
    if clash := _clash_of_types(asked):
        return f"`{clash[0]}` and `{clash[1]}` ask for values of different types; keep one of them"
    if {"eq", "in"} & set(asked):
        return _never_listed(asked)
    if numeric := {name: asked[name] for name in _NUMERIC if name in asked}:
        found = range_of(numeric)
        return (
            f"`{found.least_by}` and `{found.most_by}` leave nothing between them; mend one" if found.is_empty else ""
        )
    if {"before", "after"} <= set(asked) and asked["before"] <= asked["after"]:
        return "`before` is not later than `after`, so nothing can lie between them; swap them"
    return ""


def _clash_of_types(asked: Mapping[str, Any]) -> tuple[str, str] | None:
    """Two operators that never hold of one value. Times are texts or numbers, and so clash with places alone."""
    groups = [[name for name in group if name in asked] for group in (_NUMERIC, _TEXTUAL, ("near",))]
    there = [group[0] for group in groups if group]
    if len(there) > 1:
        return there[0], there[1]
    plain = [name for name in ("eq", "in", *_TEMPORAL) if name in asked]
    return ("near", plain[0]) if "near" in asked and plain else None


def _never_listed(asked: Mapping[str, Any]) -> str:
    named = "eq" if "eq" in asked else "in"
    values = [asked["eq"]] if "eq" in asked else list(asked["in"])
    others = {name: value for name, value in asked.items() if name != named and name in _FITS}
    if any(all(_FITS[name](value, bound) for name, bound in others.items()) for value in values):
        return ""
    return f"what `{named}` asks for does not fit `{next(iter(others))}`; keep one of them"


def is_same(value: Any, other: Any) -> bool:
    """Equal and of one type; true is not 1."""
    return bool(value == other) and isinstance(value, bool) == isinstance(other, bool)


def _numbers(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda value, bound: (
        isinstance(value, (int, float)) and not isinstance(value, bool) and compare(value, bound)
    )


def _texts(compare: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    return lambda value, bound: isinstance(value, str) and compare(value, bound)


_FITS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": is_same,
    "ne": lambda value, bound: not is_same(value, bound),
    "in": lambda value, bound: any(is_same(value, other) for other in bound),
    "not_in": lambda value, bound: not any(is_same(value, other) for other in bound),
    "gt": _numbers(operator.gt),
    "gte": _numbers(operator.ge),
    "lt": _numbers(operator.lt),
    "lte": _numbers(operator.le),
    "contains": _texts(operator.contains),
    "starts_with": _texts(str.startswith),
    "ends_with": _texts(str.endswith),
}
