"""Whether a segment is live: what the service announced counts, else what happened; and what the files say."""

from __future__ import annotations

from typing import Any

import pytest

from dashboards.segments.listing import Status, listed, status_of
from schemas.segments.canonical import rule_version
from schemas.segments.rules import Segment

RULE = Segment.model_validate({"id": "vip", "tenant": "acme", "event": {"name": "page"}})
NEW = rule_version(RULE)


@pytest.mark.parametrize(
    ("written", "announced", "entered_by", "status"),
    [
        (None, {"v1": "live"}, "v1", Status.ARCHIVED),
        ("v1", {"v1": "live"}, "", Status.LIVE),  # nobody has entered it, and it is followed all the same
        ("v2", {"v1": "live", "v2": "building"}, "v1", Status.BUILDING),
        ("v2", {"v1": "live"}, "v1", Status.BUILDING),  # the service has not read the file yet
        ("v1", {}, "v1", Status.LIVE),  # stored before anything was announced
        ("v2", {}, "v1", Status.BUILDING),
        ("v1", {}, "", Status.BUILDING),
    ],
)
def test_a_segment_is_live_when_the_rule_of_its_file_is_followed(
    written: str | None, announced: dict[str, str], entered_by: str, status: Status
) -> None:
    assert status_of(written, announced, entered_by) is status


def announcement(version: str, status: str, since: int) -> dict[str, Any]:
    return {"tenant": "acme", "segment_id": "vip", "rule_version": version, "status": status, "since": since}


def row(version: str, size: int) -> dict[str, Any]:
    figures = {"size": size, "entered": 2, "exited": 1, "live_since": 5, "last_change_at": 9}
    return {"tenant": "acme", "segment_id": "vip", "rule_version": version, **figures}


def test_what_is_announced_says_since_when_also_where_nobody_is_in_it() -> None:
    (found,) = listed([], [announcement(NEW, "live", 70)], [RULE])
    assert (found["status"], found["live_since"], found["size"], found["rule_version"]) == (Status.LIVE, 70, 0, NEW)


def test_while_another_version_is_built_the_old_ones_size_is_told() -> None:
    announced = [announcement("old", "live", 3), announcement(NEW, "building", 70)]
    (found,) = listed([row("old", 4)], announced, [RULE])
    assert (found["status"], found["live_since"], found["size"]) == (Status.BUILDING, 0, 4)


def test_without_files_what_is_followed_is_live_and_what_is_built_is_not() -> None:
    (found,) = listed([row("old", 4)], [announcement("old", "live", 3), announcement("new", "building", 70)], None)
    assert (found["status"], found["live_since"], found["rule_version"]) == (Status.LIVE, 3, "old")
    (found,) = listed([], [announcement("new", "building", 70)], None)
    assert (found["status"], found["live_since"], found["rule_version"]) == (Status.BUILDING, 0, "new")
    (found,) = listed([row("old", 4)], [], None)
    assert (found["status"], found["live_since"], found["rule_version"]) == (Status.LIVE, 5, "old")


def test_only_the_tenant_that_is_asked_for_is_told_of() -> None:
    assert listed([], [], [RULE], "other") == []
    assert [each["id"] for each in listed([], [], [RULE], "acme")] == ["vip"]
