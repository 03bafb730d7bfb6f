"""Who is in which segment by the stream, and who by SQL over the stored events: the demo's check of one by the other.

Both are asked about the same instant of the log's clock, at which no segment is being built any more. What is true then
is settled once everything that was received before is stored; what comes later changes nothing in it. So the stream has
the time it needs, and a difference that stays is one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

from clickhouse_connect.driver.client import Client

from schemas.segments.rules import Segment
from streams.clock import clock_ms
from streams.commands.segments_members import Audience, keys_of
from streams.core.segments.sql.query import compile_sql

_NOT_BEFORE_S = 2.0  # a tick of the log's clock, a flush of the stream, one of the sink
_POLL_S = 0.5
_LIVE = "SELECT tenant, segment_id FROM mailweir.segment_list WHERE status = 'live'"
_TRANSITIONS = "SELECT count() FROM mailweir.transitions"
_BY_TIME = "SELECT count() FROM mailweir.transitions WHERE cause = ''"
_MISNUMBERED = """
SELECT count()
FROM
(
    SELECT count() AS transitions, uniqExact(number) AS numbers, max(number) AS last
    FROM mailweir.transitions
    GROUP BY tenant, recipient_key
)
WHERE transitions != last OR numbers != last
"""


async def settled(store: Client, segments: Sequence[Segment], timeout_s: float) -> dict[str, Any]:
    """`compare` at an instant when all segments are live, as soon as nothing differs; what differs to the end is wrong.

    Call it once everything that was received is stored. `timeout_s`: until they are live, and again until they agree.
    """
    wanted, deadline = {(segment.tenant, segment.id) for segment in segments}, time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if wanted <= await asyncio.to_thread(_live, store):
            break
        await asyncio.sleep(_POLL_S)
    at_ms, deadline = clock_ms(), time.monotonic() + timeout_s
    await asyncio.sleep(_NOT_BEFORE_S)
    while True:
        found = await asyncio.to_thread(compare, store, segments, at_ms)
        is_right = not found["oracle_mismatches"] and not found["misnumbered"]
        if is_right or time.monotonic() > deadline:
            return found
        await asyncio.sleep(_POLL_S)


def compare(store: Client, segments: Sequence[Segment], at_ms: int) -> dict[str, Any]:
    """The report's part about segments.

    `transitions`: stored ones, `by_time`: those of time alone. `members`: memberships at the instant by the stream.
    `oracle_mismatches`: recipients, of each segment, who are in it by the stream or by SQL and not by both;
    `differing`: the segments that have any. `misnumbered`: recipients whose transitions are not there from 1 on, each
    once. Raises clickhouse-connect's errors.
    """
    members, differing = 0, dict[str, int]()
    for segment in segments:
        by_stream = keys_of(store, Audience(tenant=segment.tenant, segment_id=segment.id, at=at_ms, known=at_ms))
        by_sql = _by_sql(store, segment, segments, at_ms)
        members += len(by_stream)
        if wrong := len(by_stream ^ by_sql):
            differing[f"{segment.tenant}/{segment.id}"] = wrong
    return {
        "transitions": _number(store, _TRANSITIONS),
        "by_time": _number(store, _BY_TIME),
        "members": members,
        "oracle_mismatches": sum(differing.values()),
        "differing": differing,
        "misnumbered": _number(store, _MISNUMBERED),
    }


def _live(store: Client) -> set[tuple[str, str]]:
    return {(tenant, segment_id) for tenant, segment_id in store.query(_LIVE).result_rows}


def _by_sql(store: Client, segment: Segment, segments: Sequence[Segment], at_ms: int) -> set[str]:
    known: Mapping[str, Any] = {each.id: each.rule for each in segments if each.tenant == segment.tenant}
    query = compile_sql(segment.rule, known)
    return {key for (key,) in store.query(query.text, query.at(segment.tenant, at_ms)).result_rows}


def _number(store: Client, sql: str) -> int:
    return int(store.query(sql).result_rows[0][0])
