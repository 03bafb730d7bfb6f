"""Why somebody is in a segment as plain data, as `mailweir segments explain --json` and the console answer. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.segments.canonical import rule_version
from schemas.segments.rules import kind_of
from schemas.segments.written import written
from streams.core.segments.why import Reason, Why

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_MS = 253_402_300_799_999  # the end of the year 9999


@dataclass(frozen=True, slots=True)
class Page:
    """What was asked, and of how many events. `is_cut`: there are older ones, which were not read."""

    tenant: str
    recipient_key: str
    at: int
    events: int
    is_cut: bool = False


def as_data(page: Page, whys: Sequence[Why]) -> dict[str, Any]:
    """Times are RFC 3339, null where there is none."""
    return {
        "tenant": page.tenant,
        "recipient_key": page.recipient_key,
        "at": rfc3339(page.at),
        "events": page.events,
        "is_cut": page.is_cut,
        "segments": [_segment(why) for why in whys],
    }


def instant(at_ms: int) -> str:
    """`2026-12-03 14:05:11`, in UTC."""
    return f"{_moment(at_ms):%Y-%m-%d %H:%M:%S}"


def rfc3339(at_ms: int | None) -> str | None:
    """`2026-12-03T14:05:11.000Z`; None for None."""
    return None if at_ms is None else _moment(at_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def is_approximate(reason: Reason) -> bool:
    """Whether the node, or one that it consists of, is."""
    return reason.is_approximate or any(map(is_approximate, reason.below))


def _segment(why: Why) -> dict[str, Any]:
    reason, segment = why.reason, why.segment
    return {
        "id": segment.id,
        "version": rule_version(segment),
        "is_member": reason.holds,
        "since": rfc3339(reason.since),
        "until": rfc3339(reason.until),
        "is_approximate": is_approximate(reason),
        "node": _node(reason),
    }


def _node(reason: Reason) -> dict[str, Any]:
    return {
        "kind": kind_of(reason.rule),
        "rule": written(reason.rule),
        "holds": reason.holds,
        "since": rfc3339(reason.since),
        "until": rfc3339(reason.until),
        "is_approximate": reason.is_approximate,
        "nodes": [_node(below) for below in reason.below],
    }


def _moment(at_ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=min(max(at_ms, 0), _LATEST_MS))
