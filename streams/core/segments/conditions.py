"""Conditions as functions, made once for a program: do the values at a path fit, do a fact's properties fit `where`?

What `schemas.segments.conditions.Condition` says: all that asks for a value is asked of one and the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from schemas.segments.conditions import Condition, Near
from streams.core.segments.values import epoch_ms, number_of, time_of, values_at

Fits = Callable[[Sequence[Any]], bool]
Test = Callable[[Mapping[str, Any]], bool]
_Ask = Callable[[Any], bool]
_EARTH_KM = 6_371.0088  # IUGG mean radius


def where_test(where: Mapping[str, Condition]) -> Test | None:
    """Whether properties fit every condition, each by itself; None if nothing is asked."""
    asked = [(values_at(path), fits(condition)) for path, condition in where.items()]
    if not asked:
        return None
    if len(asked) == 1:
        values, is_fitting = asked[0]
        return lambda properties: is_fitting(values(properties))
    return lambda properties: all(is_fitting(values(properties)) for values, is_fitting in asked)


def fits(condition: Condition) -> Fits:
    """Whether values fit the condition."""
    asked = dict(condition.asked)
    exists = asked.pop("exists", None)
    unwanted = [_is_in(asked.pop("not_in")) if "not_in" in asked else None]
    unwanted.append(_is_in([asked.pop("ne")]) if "ne" in asked else None)
    banned = [each for each in unwanted if each is not None]
    asks = [_ASKS[name](wanted) for name, wanted in asked.items()]
    if len(asks) == 1 and exists is None and not banned:
        ask = asks[0]
        return lambda values: any(map(ask, values))

    def is_fitting(values: Sequence[Any]) -> bool:
        if exists is not None and exists != bool(values):
            return False
        if any(ban(value) for ban in banned for value in values):
            return False
        return not asks or any(all(ask(value) for ask in asks) for value in values)

    return is_fitting


def _is_in(wanted: Collection[Any]) -> _Ask:
    """Is the value one of these? Of another type it is none of them: true is not 1."""
    texts = frozenset(each for each in wanted if isinstance(each, str))
    truths = frozenset(each for each in wanted if isinstance(each, bool))
    numbers = frozenset(number for each in wanted if (number := number_of(each)) is not None)

    def is_one(value: Any) -> bool:
        if isinstance(value, str):
            return value in texts
        if isinstance(value, bool):
            return value in truths
        return (number := number_of(value)) is not None and number in numbers

    return is_one


def _more(bound: Any) -> _Ask:
    least = number_of(bound) or 0.0
    return lambda value: (number := number_of(value)) is not None and number > least


def _at_least(bound: Any) -> _Ask:
    least = number_of(bound) or 0.0
    return lambda value: (number := number_of(value)) is not None and number >= least


def _less(bound: Any) -> _Ask:
    most = number_of(bound) or 0.0
    return lambda value: (number := number_of(value)) is not None and number < most


def _at_most(bound: Any) -> _Ask:
    most = number_of(bound) or 0.0
    return lambda value: (number := number_of(value)) is not None and number <= most


def _before(bound: datetime) -> _Ask:
    limit = epoch_ms(bound)
    return lambda value: (ms := time_of(value)) is not None and ms < limit


def _after(bound: datetime) -> _Ask:
    limit = epoch_ms(bound)
    return lambda value: (ms := time_of(value)) is not None and ms > limit


def _near(place: Near) -> _Ask:
    def is_near(value: Any) -> bool:
        if not isinstance(value, Mapping):
            return False
        lat, lon = number_of(value.get("lat")), number_of(value.get("lon"))
        if lat is None or lon is None or not (abs(lat) <= 90 and abs(lon) <= 180):
            return False
        return _distance_km(lat, lon, place.lat, place.lon) <= place.km

    return is_near


def _distance_km(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """The haversine formula."""
    a, b = math.radians(lat), math.radians(other_lat)
    up, along = math.sin((b - a) / 2), math.sin(math.radians(other_lon - lon) / 2)
    return 2 * _EARTH_KM * math.asin(min(1.0, math.sqrt(up * up + math.cos(a) * math.cos(b) * along * along)))


_ASKS: dict[str, Callable[[Any], _Ask]] = {
    "eq": lambda wanted: _is_in([wanted]),
    "in": _is_in,
    "gt": _more,
    "gte": _at_least,
    "lt": _less,
    "lte": _at_most,
    "contains": lambda part: lambda value: isinstance(value, str) and part in value,
    "starts_with": lambda part: lambda value: isinstance(value, str) and value.startswith(part),
    "ends_with": lambda part: lambda value: isinstance(value, str) and value.endswith(part),
    "before": _before,
    "after": _after,
    "near": _near,
}
