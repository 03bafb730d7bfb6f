"""Lengths of time as people write them: `30d`, `12h`, `PT90M`. All have a fixed length; a day is 24 hours.

Months and years are refused, for they have none. ISO 8601 (durations without years and months).
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

_UNITS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_SHORT = re.compile(r"(\d{1,7})\s?([smhdw])")
_ISO = re.compile(r"P(?:(\d{1,5})W)?(?:(\d{1,7})D)?(?:T(?:(\d{1,7})H)?(?:(\d{1,7})M)?(?:(\d{1,7})S)?)?")
_ISO_MS = tuple(_UNITS[unit] for unit in "wdhms")
_SPELLED = re.compile(
    r"(\d{1,7})\s*(s|m|h|d|w)(?:econds?|ecs?|inutes?|ins?|ours?|rs?|ays?|eeks?)?(?:\s+ago)?", re.IGNORECASE
)
_CALENDAR = re.compile(r"\d+\s?(mo|months?|y|years?)|P\d*[YM]?\d+[YM].*", re.IGNORECASE)
MOST_MS = 3_660 * _UNITS["d"]  # ten years: what is meant to be longer is meant to be for ever


def milliseconds(value: Any) -> int:
    """The length in milliseconds. Raises ValueError that says what to write."""
    if not isinstance(value, str):
        meant = f"{value}d" if isinstance(value, int) and not isinstance(value, bool) and value > 0 else "30d"
        raise ValueError(f"{str(value)[:20]} has no unit; write a number with s, m, h, d or w, such as {meant}")  # noqa: TRY004 - the error that pydantic takes
    text = value.strip()
    if found := _SHORT.fullmatch(text):
        return _bounded(int(found[1]) * _UNITS[found[2]], text)
    found = _ISO.fullmatch(text)
    if found and any(found.groups()):
        return _bounded(sum(int(n or 0) * ms for n, ms in zip(found.groups(), _ISO_MS, strict=True)), text)
    if _CALENDAR.fullmatch(text):
        raise ValueError(f"{text!r} has no fixed length; write days, such as 30d or 365d (a day is 24 hours)")
    if found := _SPELLED.fullmatch(text):
        raise ValueError(f"{text[:20]!r} is not how lengths of time are written; write {found[1]}{found[2].lower()}")
    raise ValueError(f"{text[:20]!r} is no length of time; write a number with s, m, h, d or w, such as 30d or 90m")


def _bounded(length_ms: int, text: str) -> int:
    if not 0 < length_ms <= MOST_MS:
        raise ValueError(f"{text} is out of range; from 1s to 3660d, and without a window the rule looks at all time")
    return length_ms


def text_of(length_ms: int) -> str:
    """The shortest way to write it: 86400000 is 1d."""
    unit, ms = next((u, ms) for u, ms in reversed(_UNITS.items()) if length_ms % ms == 0 and u != "w")
    return f"{length_ms // ms}{unit}"


_WRITTEN = {"type": "string", "pattern": f"^({_SHORT.pattern}|{_ISO.pattern})$", "examples": ["30d", "12h", "PT90M"]}
Duration = Annotated[int, BeforeValidator(milliseconds), WithJsonSchema(_WRITTEN)]
"""Milliseconds, more than 0."""
