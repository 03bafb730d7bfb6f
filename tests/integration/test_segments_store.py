"""Stored events are the facts that the stream makes of them, and a rule asked of the store sees them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from schemas.events import ActivityEvent, EmailEvent, EventType
from schemas.segments.names import MAIL_PROPERTIES
from sinks.migrate import apply_tables
from streams.core.segments.fact import of_activity, of_mail
from streams.core.segments.sql.facts import stored
from streams.core.segments.sql.query import compile_sql
from tests.integration.backtest_cases import store_records
from tests.integration.store_process import StoreProcess
from tests.unit.streams.core.segments.histories import rule_of

AT = 1_774_569_600_123
EVERY = (*MAIL_PROPERTIES, "metadata")
ODD = 'a"b\\c/d\n\te\0 €😀'


def mail(number: int, **fields: Any) -> EmailEvent:
    given = {"event_type": EventType.OPENED, "recipient_key": "someone", "message_id": f"m{number}"} | fields
    return EmailEvent(
        event_id=f"{number:032x}", tenant="acme", source="s", provider="sendgrid", occurred_at=AT + number,
        received_at=AT + 500 + number, **given,
    )  # fmt: skip


def activity(number: int, name: str = "Order Completed", kind: str = "track", **fields: Any) -> ActivityEvent:
    return ActivityEvent(
        event_id=f"a{number:031x}", tenant="acme", source="s", provider="shopify", activity=kind, name=name,
        occurred_at=AT + number, received_at=AT + 500 + number, **({"recipient_key": "someone"} | fields),
    )  # fmt: skip


MAIL = [
    mail(1),
    mail(2, machine="machine"),
    mail(3, machine="human", subject=ODD, tags=["a", ODD, ""], stream="news", metadata='{"a": [1, {"b": 2.5}]}'),
    mail(4, event_type=EventType.BOUNCED, bounce_scope="address", bounce_permanence="permanent", metadata="[1]"),
    mail(5, machine="machine", event_type=EventType.CLICKED, url="https://x.test/?a=1&b=2", metadata="no JSON"),
]
ACTIVITIES = [
    activity(1),
    activity(2, "  Cart--Viewed! ", properties='{"url": "/mine", "n": 5}', url="/theirs"),
    activity(3, "Ärger & Söhne", properties=" { } ", traits='{"plan": null, "a": {"b": [1]}}'),
    activity(4, "ORDER_completed2", properties="[1, 2]", traits="null"),
    activity(5, kind="page", properties=json.dumps({"text": ODD, "provider": 7}), url=ODD),
    activity(6, kind="identify", properties="broken {", traits=json.dumps({ODD: ODD})),
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    process = StoreProcess(tmp_path_factory.mktemp("store"))
    client = process.start()
    apply_tables(client)
    store_records(client, [*MAIL, mail(6, recipient_key="")])
    store_records(client, [*ACTIVITIES, activity(7, recipient_key="")])
    yield client
    client.close()
    process.stop()


def test_a_stored_event_is_the_fact_that_the_stream_makes_of_it(store: Client) -> None:
    expected = [of_mail(event, event.received_at) for event in MAIL]
    expected += [of_activity(event, event.received_at) for event in ACTIVITIES]
    rows = store.query(
        f"SELECT event_id, name, at, known_at, properties, traits FROM ({stored(EVERY)}) ORDER BY event_id",
        {"tenant": "acme", "known": AT + 1_000},
    ).result_rows
    found = [(*row[:4], _first_keys(row[4]), _first_keys(row[5])) for row in rows]
    assert found == [tuple(fact) for fact in expected]


def _first_keys(text: str) -> dict[str, Any]:
    """An object as ClickHouse reads it: of equal keys the first counts; {} for anything else."""
    try:
        found = json.loads(text, object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


@pytest.mark.parametrize(
    "rule",
    [
        {"event": {"name": "order_completed", "within": "2s"}},
        {"event": {"name": "email_opened_machine", "count": 1}},
        {"event": {"name": "email_opened", "where": {"subject": ODD, "tags": ODD, "metadata.a.b": 2.5}}},
        {"event": {"name": "cart_viewed", "where": {"url": "/mine", "n": {"gt": 4}}}},
        {"trait": {"path": "a.b", "is": 1}},
        {"suppressed": True},
        {"all": [{"known_for": "1s"}, {"not": {"event": {"name": "rger_s_hne", "count": 0}}}]},
    ],
)
def test_a_rule_asked_of_the_store_finds_the_recipient(store: Client, rule: dict[str, Any]) -> None:
    query = compile_sql(rule_of(rule))
    assert store.query(query.text, query.at("acme", AT + 1_001)).result_rows == [("someone",)]
    assert store.query(query.text, query.at("acme", AT + 1_001, AT)).result_rows == []
    assert store.query(query.text, query.at("another", AT + 1_001)).result_rows == []
