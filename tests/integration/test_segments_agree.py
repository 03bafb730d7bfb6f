"""Who the stream says is in a segment is who the stored events say: 50 rules, late events, repeats, three instants."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from benchmarks.recipients import TENANT, history, is_mail, write_rules
from schemas.aggregates import Tick
from schemas.announcements import RulesAnnounced
from schemas.avro import Codec
from schemas.events import ActivityEvent, EmailEvent, EventType
from schemas.segments.rules import Segment
from schemas.topics import SEGMENT_TRANSITIONS
from schemas.transitions import SegmentTransition
from sinks.clickhouse import connect
from sinks.migrate import apply_tables
from streams.agents.segment_state import SegmentState
from streams.core.segments.announced import packed
from streams.core.segments.row import timer_of
from streams.core.segments.sql.query import compile_sql
from streams.lane.disk import DiskRows
from streams.lane.rocks import Memory
from tests.integration.backtest_cases import store_records

CODEC = Codec()
START, DAY = 1_774_569_600_000, 86_400_000
EVENTS, RECIPIENTS, DAYS = 6_000, 60, 40
_READ = (EventType.OPENED, EventType.CLICKED)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Client]:
    client = connect(f"chdb://{tmp_path / 'store'}")
    apply_tables(client)
    yield client
    client.close()


def events() -> list[Any]:
    """In the order of receipt; a tenth happened up to three days before, some come twice."""
    dice, found = Random(3), list[Any]()
    for made in history(EVENTS, RECIPIENTS, 3, START, DAYS * DAY):
        event: Any = CODEC.decode(made.value, EmailEvent if is_mail(made) else ActivityEvent)
        if isinstance(event, ActivityEvent):
            event.properties = re.sub(r"X-\d+", "X-100", event.properties)
        elif event.event_type in _READ and dice.random() < 0.9:
            continue  # who opens everything is in few segments
        elif event.event_type == EventType.DELIVERED and dice.random() < 0.3:
            event.event_type, event.bounce_permanence = EventType.BOUNCED, "transient"
        if dice.random() < 0.1:
            event.occurred_at -= dice.randrange(3 * DAY)
        found.append(event)
        if dice.random() < 0.03:
            again: Any = CODEC.decode(CODEC.encode(event), type(event))
            again.received_at += 1
            found.append(again)
    return found


def test_the_members_by_the_stream_are_those_by_sql(store: Client, tmp_path: Path) -> None:
    segments = write_rules(tmp_path / "rules")
    log = events()
    rows = DiskRows(tmp_path / "rows", Memory(), lambda: 0, order=timer_of)
    rows.begin("log")
    state = SegmentState(0, rows, CODEC)
    state.start(None)
    state.use(RulesAnnounced(tenant=TENANT, number=1, live=packed(segments)))
    done, members = 0, Counter[str]()
    for day in (15, 33, DAYS + 3):
        now = START + day * DAY
        upto = sum(event.received_at <= now for event in log)
        part = log[done:upto]
        if part:
            store_records(store, [event for event in part if isinstance(event, EmailEvent)])
            store_records(store, [event for event in part if isinstance(event, ActivityEvent)])
        values = [*map(CODEC.encode, part), CODEC.encode(Tick(at=now, writer="w"))]
        for first in range(0, len(values), 500):
            state.fold(
                values[first : first + 500], range(done + first, done + first + len(values[first : first + 500]))
            )
        while state.fire():
            pass
        cut = state.cut(upto)
        rows.settle(cut.marker, day)
        store_records(
            store,
            [CODEC.decode(s.value, SegmentTransition) for s in cut.sides if s.topic == SEGMENT_TRANSITIONS.name],
        )
        done = upto
        members.update(compare(store, segments, now))
    rows.close()
    assert members.total() > 400
    assert len(members) >= 30, members


def compare(store: Client, segments: list[Segment], now: int) -> dict[str, int]:
    """Each segment by both; how many members each has."""
    rules = {segment.id: segment.rule for segment in segments}
    seen: dict[str, list[str]] = {}
    sql = "SELECT segment_id, recipient_key FROM segment_members ORDER BY segment_id, recipient_key"
    for segment_id, who in store.query(sql).result_rows:
        seen.setdefault(segment_id, []).append(who)
    for segment in segments:
        query = compile_sql(segment.rule, rules)
        by_sql = [who for (who,) in store.query(query.text, query.at(TENANT, now)).result_rows]
        assert seen.get(segment.id, []) == by_sql, f"{segment.id} on {now}"
    return {segment_id: len(who) for segment_id, who in seen.items()}
