"""The demo's check of segments: members by the stored transitions against the rules as SQL over the stored events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from clickhouse_connect.driver.client import Client

from schemas.announcements import SegmentStatus
from schemas.events import ActivityEvent
from schemas.segments.rules import Segment
from schemas.transitions import SegmentTransition, transition_id
from sinks.clickhouse import connect
from sinks.migrate import apply_tables
from streams.clock import clock_ms
from streams.commands.demo_segments import compare, settled
from streams.local.demonstration import demo_segments
from tests.integration.backtest_cases import store_records

AT = 1_774_569_600_000
HOUR = 3_600_000
BUYERS = Segment.model_validate(
    {"id": "buyers", "tenant": "acme", "event": {"name": "order_completed", "within": "1h"}}
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Client]:
    client = connect(f"chdb://{tmp_path / 'store'}")
    apply_tables(client)
    yield client
    client.close()


def order(who: str, at: int) -> ActivityEvent:
    return ActivityEvent(
        event_id=f"{who}{at}", tenant="acme", source="shop", provider="segment", activity="track",
        name="Order Completed", occurred_at=at, received_at=at, recipient_key=who,
    )  # fmt: skip


def change(who: str, at: int, number: int, *, is_member: bool) -> SegmentTransition:
    return SegmentTransition(
        transition_id=transition_id("acme", who, "buyers", "v", at, int(is_member), ""), tenant="acme",
        recipient_key=who, segment_id="buyers", rule_version="v", is_member=int(is_member), detected_at=at,
        effective_at=at, cause="", number=number,
    )  # fmt: skip


def compared(store: Client, at: int) -> dict[str, Any]:
    return compare(store, [BUYERS], at)


def test_members_that_are_those_of_sql_are_no_mismatch_at_any_instant(store: Client) -> None:
    store_records(store, [order("ada", AT), order("bob", AT + 5)])
    changes = [change("ada", AT, 1, is_member=True), change("bob", AT + 5, 1, is_member=True)]
    store_records(store, [*changes, change("ada", AT + HOUR, 2, is_member=False)])
    rows = [compared(store, AT + after) for after in (-1, 0, 5, HOUR - 1, HOUR, HOUR + 4)]
    assert [row["members"] for row in rows] == [0, 1, 2, 2, 1, 1]
    assert {row["oracle_mismatches"] + row["misnumbered"] for row in rows} == {0}
    assert {row["transitions"] for row in rows} == {3}
    late = compared(store, AT + HOUR + 5)
    assert (late["oracle_mismatches"], late["differing"]) == (1, {"acme/buyers": 1}), "the exit of bob is missing"


def test_a_membership_too_many_and_one_too_few_are_two_mismatches(store: Client) -> None:
    store_records(store, [order("ada", AT)])
    store_records(store, [change("eve", AT, 1, is_member=True)])
    found = compared(store, AT)
    assert (found["members"], found["oracle_mismatches"], found["misnumbered"]) == (1, 2, 0)


@pytest.mark.parametrize("numbers", [(2,), (1, 3), (1, 1), (1, 2, 2)])
def test_a_transition_that_is_missing_or_there_twice_under_another_id_is_seen(
    store: Client, numbers: tuple[int, ...]
) -> None:
    changes = [change("ada", AT + n, number, is_member=n % 2 == 0) for n, number in enumerate(numbers)]
    store_records(store, [*changes, change("bob", AT, 1, is_member=True)])
    assert compared(store, AT)["misnumbered"] == 1


class Behind:
    """A store that gets records after a table was asked for the first time."""

    def __init__(self, store: Client, table: str, late: Callable[[], list[Any]]) -> None:
        self._store, self._table, self._late = store, table, [late]

    def query(self, query: str, parameters: dict[str, Any] | None = None) -> Any:
        answer = self._store.query(query, parameters)
        if self._late and self._table in query:
            for record in self._late.pop()():
                store_records(self._store, [record])
        return answer


LIVE = SegmentStatus(tenant="acme", segment_id="buyers", rule_version="v", status="live", since=AT)


async def test_what_the_stream_says_a_little_later_is_waited_for(store: Client) -> None:
    now = clock_ms()
    store_records(store, [order("ada", now)])
    store_records(store, [LIVE])
    behind = Behind(store, "mailweir.email_events", lambda: [change("ada", now, 1, is_member=True)])
    found = await settled(cast("Client", behind), [BUYERS], 20.0)
    assert (found["members"], found["oracle_mismatches"]) == (1, 0)


async def test_what_the_stream_does_not_say_in_time_is_a_mismatch(store: Client) -> None:
    store_records(store, [order("ada", clock_ms())])
    assert (await settled(store, [BUYERS], 0.0))["oracle_mismatches"] == 1


async def test_nobody_has_to_be_in_a_segment_before_it_is_live(store: Client) -> None:
    store_records(store, [order("ada", clock_ms())])
    behind = Behind(store, "segment_list", lambda: [change("ada", clock_ms(), 1, is_member=True), LIVE])
    found = await settled(cast("Client", behind), [BUYERS], 4.0)
    assert (found["members"], found["oracle_mismatches"]) == (1, 0)


def test_the_demo_has_rules_for_both_of_its_tenants() -> None:
    segments = demo_segments()
    assert {segment.tenant for segment in segments} == {"atelier", "harbour"}
    assert "engaged-buyers-cooling" in {segment.id for segment in segments}
