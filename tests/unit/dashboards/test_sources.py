"""What is said of a source: its week by the hour, what failed, and when silence is unusual for it."""

from __future__ import annotations

from typing import Any

import pytest

from dashboards.sources import HOUR_MS, SPAN_HOURS, silent_since, told
from schemas.config import Config

NOW = 1_795_000_000_000 // HOUR_MS * HOUR_MS + 600_000
HOUR = NOW // HOUR_MS * HOUR_MS
CONFIG = Config.model_validate(
    {
        "sources": [{"name": "sg", "provider": "sendgrid", "tenant": "acme", "is_unsigned": True}],
        "tenants": [{"name": "acme"}],
    }
)


def row(**fields: Any) -> dict[str, Any]:
    return {
        "tenant": "acme", "source": "sg", "provider": "mailgun", "last_seen_at": NOW, "requests": 3,
        "events": 9, "failed": 1,
        "hours": [HOUR - HOUR_MS, HOUR], "requests_by_hour": [1, 2], "events_by_hour": [3, 6],
        "last_failure_id": "l1", "last_failure": "no list", "last_failed_at": NOW - 5, **fields,
    }  # fmt: skip


def test_a_week_has_every_hour_and_the_newest_last() -> None:
    (found,) = told(CONFIG, [row()], NOW)
    assert len(found["hours"]) == len(found["requests_by_hour"]) == SPAN_HOURS
    assert found["hours"][-1] == HOUR
    assert found["requests_by_hour"][-3:] == [0, 1, 2]
    assert found["events_by_hour"][-3:] == [0, 3, 6]
    assert found["failed_share"] == pytest.approx(0.1)
    assert found["last_failure"] == {"dead_letter_id": "l1", "reason": "no list", "failed_at": NOW - 5}


def test_a_source_of_which_nothing_came_is_there_and_one_that_is_configured_no_more_too() -> None:
    first, second = told(CONFIG, [row(source="old", failed=0, events=0)], NOW)
    assert (first["source"], first["is_configured"], first["requests"], first["failed_share"]) == ("sg", True, 0, None)
    assert (first["provider"], second["provider"]) == ("sendgrid", "mailgun")
    assert (second["source"], second["is_configured"], second["last_failure"]) == ("old", False, None)


@pytest.mark.parametrize(
    ("hours_ago", "last_seen_hours_ago", "is_silent"),
    [
        ((9, 8, 7), 6.5, True),
        ((20, 14, 7), 6.5, False),  # it was silent for six hours before
        ((20, 14, 9), 8.5, True),
        ((3, 2, 1), 1.5, False),
        ((9, 8), 7.5, False),  # too little is known
    ],
)
def test_silence_is_what_is_longer_than_ever(
    hours_ago: tuple[int, ...], last_seen_hours_ago: float, is_silent: bool
) -> None:
    last = int(NOW - last_seen_hours_ago * HOUR_MS)
    assert silent_since([HOUR - HOUR_MS * ago for ago in hours_ago], last, NOW) == (last if is_silent else 0)
