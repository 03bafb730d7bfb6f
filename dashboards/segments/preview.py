"""Whom a rule means now, by the stored events: how many, and some of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from dashboards.console.store import StoreClient
from schemas.segments.rules import Segment
from streams.core.segments.sql.query import Query, compile_sql


class Preview(NamedTuple):
    """`at`: ms; `keys`: some of the recipients' keys."""

    segment: Segment
    at: int
    size: int
    keys: list[str]

    def as_data(self) -> dict[str, Any]:
        """What `mailweir segments preview --json` and the console's API answer."""
        return {
            "id": self.segment.id,
            "tenant": self.segment.tenant,
            "at": instant(self.at),
            "size": self.size,
            "sample": self.keys,
        }


def preview(
    store: StoreClient, segment: Segment, segments: Sequence[Segment], now_ms: int, most_s: int | None = None
) -> Preview:
    """Ask the store. `segments`: those that it may name; `most_s`: how long the store may take. Blocks.

    Raises Misconfigured where segments name one another in a circle, ClickHouseError.
    """
    query = compiled(segment, segments)
    settings = None if most_s is None else {"max_execution_time": most_s}
    answer = store.query(query.counting, parameters=query.at(segment.tenant, now_ms), settings=settings)
    size, keys = answer.result_rows[0]
    return Preview(segment, now_ms, size, list(keys))


def compiled(segment: Segment, segments: Sequence[Segment]) -> Query:
    """The segment as a query. Raises Misconfigured."""
    return compile_sql(segment.rule, {each.id: each.rule for each in segments if each.tenant == segment.tenant})


def instant(now_ms: int) -> str:
    """`2026-12-03T14:05:11Z`."""
    return datetime.fromtimestamp(now_ms / 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
