"""Durations as people write them: `90s`, `2m`, `1h`, `1m30s`, or a plain number of seconds."""

from __future__ import annotations

import re

from schemas.errors import Misconfigured

_FORM = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?")
_UNITS_S = (3600.0, 60.0, 1.0)
LONGEST_S = 24 * 3600.0


def parse_duration(text: str, *, where: str) -> float:
    """Seconds, above 0 and at most a day. Raises Misconfigured naming the option `where`."""
    match = _FORM.fullmatch(text.strip().lower())
    if match is None or not any(match.groups()):
        raise Misconfigured(f"{where}: {text!r} is no duration; write for example 90s, 2m or 1m30s")
    seconds = sum(float(part) * unit for part, unit in zip(match.groups(), _UNITS_S, strict=True) if part)
    if not 0 < seconds <= LONGEST_S:
        raise Misconfigured(f"{where}: {text!r} must be longer than 0 seconds and at most 24h")
    return seconds
