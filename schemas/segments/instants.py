"""Instants as people write them: RFC 3339 text with a zone, such as `2026-01-31T00:00:00Z`."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator, WithJsonSchema

_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?\s?([Zz]|[+-]\d{2}:?\d{2})")
_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})([Tt ](\d{2}:\d{2}(:\d{2})?))?")
_AGO = re.compile(r"\d+\s?[a-z]+|P.*", re.IGNORECASE)


def instant(value: Any) -> Any:
    """A text or time that names one instant. Raises ValueError that says what to write."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value
    text = value.isoformat() if isinstance(value, date) else str(value)[:40]
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        return value
    if found := _DAY.fullmatch(text):
        meant = f"{found[1]}T{found[3] or '00:00:00'}Z"
        raise ValueError(f"{text} names no instant without a time and a zone; write for example {meant} (Z is UTC)")
    if isinstance(value, str) and _AGO.fullmatch(value):
        raise ValueError(f"{text!r} is a length of time, no instant; for the last {text} write within: {text}")
    raise ValueError(f"{text!r} is no instant; write date, time and zone, such as 2026-01-31T00:00:00Z")


Instant = Annotated[AwareDatetime, BeforeValidator(instant), WithJsonSchema({"type": "string", "format": "date-time"})]
