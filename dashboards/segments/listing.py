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
FIGURES = ("size", "entered", "exited", "live_since", "last_change_at")


class Status(StrEnum):
    """Whether what is stored is what the rule says."""

    LIVE = "live"  # the rule of the file is the one by which people enter
    BUILDING = "building"  # nobody has entered by the rule of the file yet
    ARCHIVED = "archived"  # no file has it any more


def status_of(written: str | None, stored: str) -> Status:
    """`written`: the version of the rule in the files, None where it is in none; `stored`: the one by which somebody
    entered last, "" where nobody ever did.
    """
    if written is None:
        return Status.ARCHIVED
    return Status.LIVE if written == stored else Status.BUILDING


def listed(rows: Sequence[Row], files: Sequence[Segment] | None, tenant: str = "") -> list[dict[str, Any]]:
    """A record for each segment, by tenant and id. `rows`: of `queries/segments.sql`; `files`: what the files say, None
    where nobody knows: then what is stored is live. `tenant`: only of this one; "" for all.
    """
    stored = {(row["tenant"], row["segment_id"]): row for row in rows}
    written = {(each.tenant, each.id): each for each in files or () if tenant in {"", each.tenant}}
    return [
        _record(key, stored.get(key, {}), written.get(key), is_told=files is not None)
        for key in sorted(stored.keys() | written.keys())
    ]


def _record(key: tuple[str, str], row: Row, segment: Segment | None, *, is_told: bool) -> dict[str, Any]:
    by_events = row.get("rule_version", "")
    version = rule_version(segment) if segment else None if is_told else by_events
    status = status_of(version, by_events)
    return {
        "id": key[1],
        "tenant": key[0],
        "description": segment.description if segment else "",
        "status": status,
        "rule_version": version or by_events,
        **{name: row.get(name, 0) for name in FIGURES},
        **({"live_since": 0} if status is Status.BUILDING else {}),
    }
