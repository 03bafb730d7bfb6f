"""Conditions on values as SQL: `schemas.segments.conditions`, on lists of raw JSON texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.segments.conditions import Amount, Condition, Near, Where
from streams.core.segments.sql.draft import Draft

COMPARED = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Test = Callable[[Any, Draft], str]
"""What is asked of the raw value `r`, as SQL."""


def ms_of(moment: datetime) -> int:
    """An instant of a rule in ms."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def values(column: str, path: str, draft: Draft) -> str:
    """The values that a path leads to in a column with a JSON object."""
    first, *keys = path.split(".")
    if column == "properties":
        draft.properties.add(first)
    found = f"under([{column}], {draft.value(first)})"
    for key in keys:
        found = f"under(items({found}), {draft.value(key)})"
    return f"known({found})"


def text(name: str, draft: Draft) -> str:
    """A property of ours that is a text, '' where a fact has none."""
    draft.properties.add(name)
    return f"text_of(JSONExtractRaw(properties, '{name}'))"


def first(column: str, path: str, draft: Draft) -> str:
    """The first value at a path, with its type; '' where there is none, and for an object."""
    return f"typed({values(column, path, draft)}[1])"


def where(conditions: Where, draft: Draft, column: str = "properties") -> list[str]:
    """Each condition on the column's values."""
    return [fits(values(column, path, draft), condition, draft) for path, condition in conditions.items()]


def fits(found: str, condition: Condition, draft: Draft) -> str:
    """Whether the list of values fits."""
    asked = dict(condition.asked)
    tests = []
    if (exists := asked.pop("exists", None)) is not None:
        tests.append(f"{'notEmpty' if exists else 'empty'}({found})")
    unwanted = [*asked.pop("not_in", ()), *([asked.pop("ne")] if "ne" in asked else [])]
    if unwanted:
        tests.append(f"NOT arrayExists(r -> {_is_one_of(unwanted, draft)}, {found})")
    if asked:
        wanted = " AND ".join(_TESTS[name](value, draft) for name, value in asked.items())
        tests.append(f"arrayExists(r -> {wanted}, {found})")
    return " AND ".join(tests)


def fits_nothing(condition: Condition) -> bool:
    """Does it hold where there is no value?"""
    return condition.exists is not True and not condition.asked.keys() - {"exists", "ne", "not_in"}


def amount(number: str, bounds: Amount, draft: Draft) -> str:
    """Whether a number that is counted is within the bounds."""
    asked = bounds.asked.items()
    return "(" + " AND ".join(f"{number} {COMPARED[name]} {draft.number(bound)}" for name, bound in asked) + ")"


def _is_one_of(wanted: Sequence[Any], draft: Draft) -> str:
    texts = [value for value in wanted if isinstance(value, str)]
    truths = [value for value in wanted if isinstance(value, bool)]
    numbers = [value for value in wanted if not isinstance(value, (str, bool))]
    tests = [f"r = '{str(truth).lower()}'" for truth in sorted(set(truths))]
    if texts:
        tests.append(f"(is_text(r) AND has({draft.texts(texts)}, text_of(r)))")
    if numbers:
        tests.append(f"(is_number(r) AND has({draft.numbers(numbers)}, number_of(r)))")
    return f"({' OR '.join(tests)})"


def _number(operator: str) -> Test:
    return lambda bound, draft: f"(is_number(r) AND number_of(r) {operator} {draft.number(bound)})"


def _text(call: str) -> Test:
    return lambda text, draft: f"(is_text(r) AND {call.format(draft.value(text))})"


def _time(operator: str) -> Test:
    return lambda moment, draft: f"ifNull(time_of(r) {operator} {draft.value(ms_of(moment))}, 0)"


def _near(place: Near, draft: Draft) -> str:
    return f"is_near(r, {draft.number(place.lat)}, {draft.number(place.lon)}, {draft.number(place.km)})"


_TESTS: dict[str, Test] = {
    "eq": lambda wanted, draft: _is_one_of([wanted], draft),
    "in": _is_one_of,
    "gt": _number(">"),
    "gte": _number(">="),
    "lt": _number("<"),
    "lte": _number("<="),
    "contains": _text("position(text_of(r), {}) > 0"),
    "starts_with": _text("startsWith(text_of(r), {})"),
    "ends_with": _text("endsWith(text_of(r), {})"),
    "before": _time("<"),
    "after": _time(">"),
    "near": _near,
}
