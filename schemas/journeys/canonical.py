"""A journey as one line of JSON, which reads back as the same journey, and the version that stands for what it does.

Keys are sorted and defaults left out; lengths of time are as `text_of` writes them, so `60m` and `1h` are the same.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from schemas.errors import Misconfigured
from schemas.journeys.journey import Journey
from schemas.journeys.sentences import parse_journey
from schemas.segments.written import plain

_WORDS = ("id", "tenant", "description")  # what a journey does is in none of these


def as_json(journey: Journey) -> str:
    """The journey as JSON."""
    return _text(plain(journey))


def from_json(text: str) -> Journey:
    """The journey that the text is. Raises Misconfigured, with what is wrong, for what is none."""
    try:
        data = json.loads(text)
    except ValueError:
        raise Misconfigured(f"{len(text)} characters are no journey as JSON") from None
    found = parse_journey(data, "journey")
    if isinstance(found, Journey):
        return found
    raise Misconfigured("\n".join(str(finding).removeprefix("error: ") for finding in found))


def journey_version(journey: Journey) -> str:
    """32 hex digits that change when what the journey does changes; its words do not count."""
    data: dict[str, Any] = plain(journey)
    meaning = {key: value for key, value in data.items() if key not in _WORDS}
    return hashlib.sha256(_text(meaning).encode()).hexdigest()[:32]


def _text(data: Any) -> str:
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
