"""What rules read out of a fact: values at a path, numbers, times, days, and keys to compare them by.

`schemas/segments/conditions.py` and `leaves.py` say what they mean; the reference in the tests says it once more.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from streams.core.segments.records import short

Values = Callable[[Mapping[str, Any]], list[Any]]
KEY = 6  # bytes of a value's key
_FIRST_MS, _LAST_MS = -62_135_596_800_000, 253_402_300_799_999  # the years 1 to 9999
_MILLISECONDS_FROM = 1e11
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:([Zz])|([+-])(\d\d):(\d\d))?)?", re.ASCII
)


def values_at(path: str) -> Values:
    """What gives all that a path leads to: lists are gone through, no list in a list; null is no value."""
    first, *rest = path.split(".")

    def found(data: Mapping[str, Any]) -> list[Any]:
        value = data.get(first)
        if not rest and not isinstance(value, (list, tuple)):
            return [] if value is None else [value]
        items = _spread([value])
        for key in rest:
            items = _spread([item[key] for item in items if isinstance(item, Mapping) and key in item])
        return [item for item in items if item is not None]

    return found


def _spread(values: list[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if isinstance(value, (list, tuple)):
            found += value
        else:
            found.append(value)
    return found


def number_of(value: Any) -> float | None:
    """A JSON number as a double; one that is too large for it is infinite."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def key_of(value: Any) -> bytes | None:
    """Bytes that are equal for equal values of one type; None for what has no equal, such as an object."""
    if isinstance(value, str):
        return short(b"t" + value.encode("utf-8", "surrogatepass"), KEY)
    if isinstance(value, bool):
        return short(b"b1" if value else b"b0", KEY)
    number = number_of(value)
    return None if number is None else short(b"n" + repr(number + 0.0).encode(), KEY)  # -0.0 + 0.0 is 0.0


def text_of(fact_properties: Mapping[str, Any], name: str) -> str:
    """A property that is a text, "" where it is none."""
    value = fact_properties.get(name)
    return value if isinstance(value, str) else ""


def epoch_ms(moment: datetime) -> int:
    """An instant of a rule in ms since 1970; what is less than a millisecond is cut off."""
    return (moment - _EPOCH) // _MS


def time_of(value: Any) -> int | None:
    """A time in ms since 1970: RFC 3339 text, or a number of seconds or, from 1e11 on, milliseconds."""
    if isinstance(value, str):
        return _time_of_text(value)
    number = number_of(value)
    if number is None or not abs(number) < 1e15:
        return None
    ms = math.floor(number + 0.5) if number >= _MILLISECONDS_FROM else math.floor(number * 1_000 + 0.5)
    return ms if _FIRST_MS <= ms <= _LAST_MS else None


def _time_of_text(text: str) -> int | None:
    found = _TIME.fullmatch(text)
    if not found:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    offset_hours, offset_minutes = int(found[10] or 0), int(found[11] or 0)
    if offset_hours > 23 or offset_minutes > 59:
        return None
    offset_ms = (offset_hours * 60 + offset_minutes) * 60_000 * (-1 if found[9] == "-" else 1)
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    ms = epoch_ms(moment) + int((found[7] or "").ljust(3, "0")[:3]) - offset_ms
    return ms if _FIRST_MS <= ms <= _LAST_MS else None


def day_of(value: Any) -> tuple[int, int] | None:
    """Month and day of a time as it is written; of a number, in UTC."""
    if (ms := time_of(value)) is None:
        return None
    day = date.fromisoformat(value[:10]) if isinstance(value, str) else (_EPOCH + timedelta(milliseconds=ms)).date()
    return day.month, day.day


def to_parts(number: float, digits: int) -> int:
    """In whole millionths (6) or billionths (9), halves up."""
    return math.floor(number * float(10**digits) + 0.5)
