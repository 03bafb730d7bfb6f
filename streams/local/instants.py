"""Moments as people write them: a date, a date and a time (UTC), or how long ago (`7d`, `24h`)."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from schemas.errors import Misconfigured
from streams.local.durations import parse_duration

_AGO = re.compile(r"(?:\d+(?:\.\d+)?[hms]){1,3}")
_DAYS = re.compile(r"(\d{1,5})d")
_DAY_MS = 86_400_000


def parse_instant(text: str, now_ms: int, *, where: str) -> int:
    """Milliseconds since the epoch. Raises Misconfigured naming the option `where`."""
    given = text.strip()
    if days := _DAYS.fullmatch(given.lower()):
        return now_ms - int(days[1]) * _DAY_MS
    if _AGO.fullmatch(given.lower()):
        return now_ms - int(parse_duration(given, where=where) * 1000)
    try:
        found = datetime.fromisoformat(given)
    except ValueError:
        raise Misconfigured(
            f"{where}: {text!r} is no moment; write for example 7d, 24h, 2026-11-01 or 2026-11-01T14:30 (UTC)"
        ) from None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)
