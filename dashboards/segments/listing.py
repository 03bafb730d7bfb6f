"""The segments that there are: what their files say beside what is stored of them. Pure.

Times are milliseconds since the Unix epoch, 0 where there is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from schemas.segments.canonical import rule_version
from schemas.segments.rules import Segment

Row = Mapping[str, Any]
FIGURES = ("size", "entered", "exited", "last_change_at")


class Status(StrEnum):
    """Whether what is stored is what the rule says."""

    LIVE = "live"  # the rule of the file is the one that is followed
    BUILDING = "building"  # it is not followed yet, or nobody knows
    ARCHIVED = "archived"  # no file has it any more


def status_of(written: str | None, announced: Mapping[str, str], entered_by: str) -> Status:
    """`written`: the version of the rule in the files, None where it is in none; `announced`: what the service says of
    the segment's versions; `entered_by`: the one by which somebody entered last, "" where nobody ever did, which counts
    where nothing was announced.
    """
    if written is None:
        return Status.ARCHIVED
    if announced:
        return Status(announced.get(written, Status.BUILDING))
    return Status.LIVE if written == entered_by else Status.BUILDING


def listed(
    rows: Sequence[Row], announced: Sequence[Row], files: Sequence[Segment] | None, tenant: str = ""
) -> list[dict[str, Any]]:
    """A record for each segment, by tenant and id.

    `rows`: of `queries/segments.sql`; `announced`: of `queries/segment_list.sql`; `files`: what the files say, None
    where nobody knows: then what is followed is live. `tenant`: only of this one; "" for all.
    """
    stored = {_place(row): row for row in rows}
    versions: dict[tuple[str, str], dict[str, Row]] = {}
    for row in announced:
        versions.setdefault(_place(row), {})[row["rule_version"]] = row
    written = {(each.tenant, each.id): each for each in files or () if tenant in {"", each.tenant}}
    return [
        _record(key, stored.get(key, {}), versions.get(key, {}), written.get(key), is_told=files is not None)
        for key in sorted(stored.keys() | versions.keys() | written.keys())
    ]


def _place(row: Row) -> tuple[str, str]:
    return (row["tenant"], row["segment_id"])


def _record(
    key: tuple[str, str], row: Row, versions: Mapping[str, Row], segment: Segment | None, *, is_told: bool
) -> dict[str, Any]:
    by_events = row.get("rule_version", "")
    announced = {version: each["status"] for version, each in versions.items()}
    followed = next((version for version, status in announced.items() if status == Status.LIVE), by_events)
    version = rule_version(segment) if segment else None if is_told else followed or next(iter(announced), "")
    status = status_of(version, announced, by_events)
    told = versions.get(version or "")
    return {
        "id": key[1],
        "tenant": key[0],
        "description": segment.description if segment else "",
        "status": status,
        "rule_version": version or followed,
        **{name: row.get(name, 0) for name in FIGURES},
        "live_since": (told["since"] if told else row["live_since"]) if status is Status.LIVE else 0,
    }
