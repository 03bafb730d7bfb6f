"""What the reference (`brute.py`) reads out of a fact: values at a path, times, and whether they fit a condition."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from schemas.segments.conditions import Condition, Near, Where
from streams.core.segments.fact import Fact

EARTH_KM = 6_371.0088  # IUGG mean radius
FIRST_MS, LAST_MS = -62_135_596_800_000, 253_402_300_799_999  # the years 1 to 9999
MILLISECONDS_FROM = 1e11
_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:([Zz])|([+-])(\d\d):(\d\d))?)?", re.ASCII
)


def values_at(value: Any, path: str) -> list[Any]:
    """What a path leads to: lists are gone through, but no list in a list; null is no value."""
    found = [value]
    for key in path.split("."):
        found = [item[key] for item in spread(found) if isinstance(item, Mapping) and key in item]
    return [item for item in spread(found) if item is not None]


def spread(values: Sequence[Any]) -> list[Any]:
    """The items of what is a list, everything else as it is."""
    found: list[Any] = []
    for value in values:
        found += value if isinstance(value, (list, tuple)) else [value]
    return found


def first_value(value: Any, path: str) -> tuple[str, Any] | None:
    """The first value at a path with its type, to be compared; None where there is none, and for an object."""
    return typed(values[0]) if (values := values_at(value, path)) else None


def typed(value: Any) -> tuple[str, Any] | None:
    """A text, a truth value or a number, such that different types are never equal."""
    if isinstance(value, bool):
        return ("truth", value)
    if isinstance(value, str):
        return ("text", value)
    return None if (number := number_of(value)) is None else ("number", number)


def number_of(value: Any) -> float | None:
    """A JSON number as a double."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value)


def time_of(value: Any) -> int | None:
    """A time in ms: RFC 3339 text (a date alone is its midnight, no offset is UTC), or seconds or ms since 1970."""
    if isinstance(value, str):
        return _time_of_text(value)
    number = number_of(value)
    if number is None:
        return None
    ms = math.floor(number + 0.5) if number >= MILLISECONDS_FROM else math.floor(number * 1_000 + 0.5)
    return ms if FIRST_MS <= ms <= LAST_MS else None


def _time_of_text(text: str) -> int | None:
    found = _TIME.fullmatch(text)
    if not found:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    sign, offset_hours, offset_minutes = found[9], int(found[10] or 0), int(found[11] or 0)
    if offset_hours > 23 or offset_minutes > 59:
        return None
    offset = timedelta(hours=offset_hours, minutes=offset_minutes) * (-1 if sign == "-" else 1)
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    ms = epoch_ms(moment) + int((found[7] or "").ljust(3, "0")[:3]) - offset // timedelta(milliseconds=1)
    return ms if FIRST_MS <= ms <= LAST_MS else None


def date_of(value: Any) -> date | None:
    """The day of a time as it is written; of a number, in UTC."""
    if (ms := time_of(value)) is None:
        return None
    if isinstance(value, str):
        return date.fromisoformat(value[:10])
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)).date()


def epoch_ms(moment: datetime) -> int:
    """An instant of a rule in ms; what is less than a millisecond is cut off."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def fits_where(properties: Any, where: Where) -> bool:
    """Every condition holds, each by itself."""
    return all(fits(values_at(properties, path), condition) for path, condition in where.items())


def fits(values: Sequence[Any], condition: Condition) -> bool:
    """One and the same value fits all that asks for a value, and none what asks for none."""
    asked = dict(condition.asked)
    if (exists := asked.pop("exists", None)) is not None and exists != bool(values):
        return False
    for name in ("ne", "not_in"):
        unwanted = asked.pop(name, ())
        if any(_is_in(value, unwanted if name == "not_in" else [unwanted]) for value in values):
            return False
    return not asked or any(all(_ASKS[name](value, wanted) for name, wanted in asked.items()) for value in values)


def _is_in(value: Any, wanted: Sequence[Any]) -> bool:
    return typed(value) is not None and any(typed(value) == typed(each) for each in wanted)


def _numbers(compare: Callable[[float, float], bool]) -> Callable[[Any, Any], bool]:
    return lambda value, bound: (number := number_of(value)) is not None and compare(number, float(bound))


def _texts(compare: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    return lambda value, wanted: isinstance(value, str) and compare(value, wanted)


def _is_before(value: Any, bound: datetime) -> bool:
    return (ms := time_of(value)) is not None and ms < epoch_ms(bound)


def _is_after(value: Any, bound: datetime) -> bool:
    return (ms := time_of(value)) is not None and ms > epoch_ms(bound)


def _is_near(value: Any, place: Near) -> bool:
    if not isinstance(value, Mapping):
        return False
    lat, lon = number_of(value.get("lat")), number_of(value.get("lon"))
    if lat is None or lon is None or abs(lat) > 90 or abs(lon) > 180:
        return False
    return distance_km(lat, lon, place.lat, place.lon) <= place.km


def distance_km(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """The haversine formula."""
    a, b = math.radians(lat), math.radians(other_lat)
    up, along = math.sin((b - a) / 2), math.sin(math.radians(other_lon - lon) / 2)
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(up * up + math.cos(a) * math.cos(b) * along * along)))


_ASKS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda value, wanted: _is_in(value, [wanted]),
    "in": _is_in,
    "gt": _numbers(lambda a, b: a > b),
    "gte": _numbers(lambda a, b: a >= b),
    "lt": _numbers(lambda a, b: a < b),
    "lte": _numbers(lambda a, b: a <= b),
    "contains": _texts(lambda text, part: part in text),
    "starts_with": _texts(str.startswith),
    "ends_with": _texts(str.endswith),
    "before": _is_before,
    "after": _is_after,
    "near": _is_near,
}


def trait_values(facts: Sequence[Fact], path: str) -> list[Any]:
    """What a path leads to in the newest traits; a fact replaces the whole trait that it names."""
    values: list[Any] = []
    for fact in facts:
        if path.partition(".")[0] in fact.traits:
            values = values_at(fact.traits, path)
    return values
