"""The state of the sending in one sentence, from figures."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dashboards.console.headline import headline


def score(key: str, level: str = "healthy", kind: str = "campaign") -> dict[str, Any]:
    return {"kind": kind, "key": key, "level": level}


def paused(campaign: str, *statuses: str) -> dict[str, Any]:
    reason = "12.3 % unknown users (86 of 699)"
    return {"campaign_id": campaign, "statuses": list(statuses), "reason": reason, "decided_at": 1_000}


def test_without_any_score_nothing_was_seen() -> None:
    assert headline([], []).tone == "empty"


def test_all_healthy_is_said_with_the_number_of_campaigns() -> None:
    found = headline([score("a"), score("b"), score("192.0.2.1", kind="ip")], [])
    assert (found.tone, found.title) == ("healthy", "All 2 campaigns healthy")


def test_a_paused_campaign_is_named_with_reason_and_time() -> None:
    found = headline([score("spring", "paused"), score("b")], [paused("spring", "done")])
    assert found.title == "1 campaign paused: spring"
    assert found.detail == "12.3 % unknown users (86 of 699)"
    assert found.at_ms == 1_000


def test_a_pause_that_nobody_confirmed_is_not_called_paused() -> None:
    found = headline([score("spring", "paused")], [paused("spring", "failed")])
    assert found.title == "1 campaign should be paused, mailweir has not done it: spring"


def test_a_dry_run_says_so() -> None:
    assert "dry run" in headline([], [paused("spring", "dry_run")]).title


def test_a_confirmed_pause_outranks_everything_else() -> None:
    rows = [paused("asked", "suggested"), paused("stopped", "done")]
    assert headline([score("x", "throttled", "ip")], rows).title == "1 campaign paused: stopped"


@pytest.mark.parametrize(
    ("scores", "title"),
    [
        ([score("a", "watch"), score("b", "watch")], "2 campaigns to watch: a, b"),
        ([score("a", "watch"), score("10.0.0.1", "throttled", "ip")], "1 sending IP sending too fast"),
        ([score("d.example", "watch", "domain"), score("a")], "1 sending domain to watch: d.example"),
    ],
)
def test_the_worst_level_is_told_first(scores: list[dict[str, Any]], title: str) -> None:
    assert headline(scores, []).title.startswith(title)


def test_one_key_in_trouble_comes_with_its_heaviest_reason() -> None:
    penalties = [{"points": 1.0, "reason": "few opens"}, {"points": 9.5, "reason": "3.9 % unknown users"}]
    row = {**score("a", "watch"), "penalties": json.dumps(penalties)}
    assert headline([row], []).detail == "3.9 % unknown users"


def test_many_names_are_cut_short() -> None:
    found = headline([], [paused(f"c{i}", "done") for i in range(5)])
    assert found.title == "5 campaigns paused: c0, c1, c2 and 2 more"
