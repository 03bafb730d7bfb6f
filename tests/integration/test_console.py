"""The console against the real engine: every query runs, duplicates count once, outages pass."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from clickhouse_connect.driver.client import Client

from dashboards.console.app import build_console
from dashboards.console.panels import PANELS
from dashboards.queries import QUERIES
from sinks.clickhouse import connect
from sinks.migrate import apply_tables
from tests.integration.console_client import NOW, console
from tests.integration.store_process import StoreProcess

SPAN = {"from_ms": str(NOW - 900_000), "to_ms": str(NOW)}
GMAIL = {"mailbox_provider": "gmail"}
UNKNOWN_USER = {
    "bounce_reason": "invalid_recipient",
    "bounce_scope": "address",
    "bounce_permanence": "permanent",
    "enhanced_status": "5.1.1",
    "smtp_response": "550 5.1.1 <ann@example.org> no such user",
}
SCORE = {"tenant": "acme", "kind": "campaign", "score_low": 40.0, "score_high": 50.0, "delivered": 90}
VERSION = NOW // 1000 << 32
PENALTY = ("unknown_users", 55.0, 0.1, 0.05, 10.0, 100.0, "10 % unknown users (10 of 100), limit 5 %")


def at(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def insert(client: Client, table: str, *rows: dict[str, Any]) -> None:
    for row in rows:
        client.insert(table, [list(row.values())], column_names=list(row), database="mailweir")


def event(number: int, event_type: str, ago_s: int, **fields: Any) -> dict[str, Any]:
    times = {"occurred_at": at(NOW - ago_s * 1000 - 700), "received_at": at(NOW - ago_s * 1000)}
    more = {"inserted_at": at(NOW - ago_s * 1000 + 250)}
    return {"event_id": f"event-{number}", "tenant": "acme", "event_type": event_type, **times, **more, **fields}


def decision(name: str, action: str, ago_s: int, campaign: str) -> dict[str, Any]:
    subject = {"kind": "campaign", "key": campaign, "campaign_id": campaign}
    words = {"mode": "act", "level": "paused", "reason": "10 % unknown users", "evidence": json.dumps({"score": 45.0})}
    return {
        "decision_id": name,
        "tenant": "acme",
        "action": action,
        **subject,
        **words,
        "decided_at": at(NOW - ago_s * 1000),
    }


def outcome(name: str, decided: str, status: str, attempt: int) -> dict[str, Any]:
    said = {"source": "sg", "driver": "sendgrid", "detail": status, "executed_at": at(NOW - 50_000 + attempt)}
    return {"outcome_id": name, "decision_id": decided, "tenant": "acme", "status": status, "attempt": attempt, **said}


def transition(name: str, who: str, ago_s: int, is_member: int, **fields: Any) -> dict[str, Any]:
    times = {"effective_at": at(NOW - ago_s * 1000), "detected_at": at(NOW - ago_s * 1000)}
    of = {"tenant": "acme", "segment_id": "vip", "rule_version": "v1", "number": 1}
    return {"transition_id": name, "recipient_key": who, "is_member": is_member, **of, **times, **fields}


# What the page shows live, and its segments; boards/ and test_campaign_report.py run the rest.
ASKED = {panel.query for panel in PANELS} | {name for name in QUERIES if name.startswith("segment")}
TRANSITIONS = (
    transition("t1", "ann", 7_200, 1),
    transition("t2", "ann", 600, 0, number=2),
    transition("t2", "ann", 600, 0, number=2),  # the sink wrote it again
    transition("t3", "bob", 300, 1, cause="event-6"),
    transition("t4", "cleo", 120, 1, tenant="other", segment_id="lapsed"),
)


def fill(client: Client) -> None:
    client.command("SYSTEM STOP MERGES")  # a merge would drop the second copy before a query has to
    insert(
        client,
        "email_events",
        event(1, "sent", 62, **GMAIL),
        {**event(1, "sent", 62, **GMAIL), "received_at": at(NOW - 55_000)},  # the provider posted it again
        event(2, "delivered", 61, **GMAIL),
        event(3, "delivered", 61, **GMAIL),
        event(4, "bounced", 60, **GMAIL, **UNKNOWN_USER),
        event(5, "opened", 30, machine="machine"),
        event(6, "opened", 30, machine="human"),
        event(7, "complained", 20, **GMAIL),
        event(8, "delivered", 5_000, **GMAIL),  # before the span
        {**event(9, "delivered", 10), "tenant": "other"},
    )
    insert(
        client,
        "reputation_scores",
        {**SCORE, "key": "spring", "version": VERSION + 1, "score": 90.0, "level": "healthy",
         "scored_at": at(NOW - 120_000)},
        {**SCORE, "key": "spring", "version": VERSION + 2, "score": 45.0, "level": "paused",
         "scored_at": at(NOW - 60_000), "as_of": at(NOW - 60_000),
         "oldest_new_received_at": at(NOW - 60_800), "penalties": [PENALTY]},
        {**SCORE, "key": "calm", "version": 1, "score": 98.0, "level": "healthy", "scored_at": at(NOW - 60_000)},
    )  # fmt: skip
    counted = {"kind": "provider", "key": "gmail", "minute": at(NOW // 60_000 * 60_000 - 60_000), "delivered": 2}
    insert(client, "reputation_partials", {"tenant": "acme", **counted})
    insert(
        client,
        "decisions",
        decision("d1", "pause_campaign", 50, "spring"),
        decision("d2", "pause_campaign", 300, "autumn"),
        decision("d3", "resume_campaign", 200, "autumn"),
    )
    insert(client, "outcomes", outcome("o1", "d1", "failed", 1), outcome("o1b", "d1", "done", 2))
    letter = {
        "stage": "normalise",
        "code": "not_json",
        "reason": "the body is no JSON",
        "tenant": "acme",
        "original": b"<",
    }
    insert(client, "dead_letters", *(
        {"dead_letter_id": f"l{number}", **letter, "received_at": at(NOW - 10_000)} for number in range(3)
    ))  # fmt: skip
    insert(client, "segment_transitions", *TRANSITIONS)
    status = {"segment_id": "vip", "rule_version": "v1", "status": "live", "since": at(NOW - 7_200_000)}
    insert(client, "segment_statuses", {"tenant": "acme", **status})
    insert(client, "sink_batches", {"topic": "t", "partition": 0, "records": 9, "written_at": at(NOW - 4_000)})


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    process = StoreProcess(tmp_path_factory.mktemp("console") / "store")
    client = process.start()
    apply_tables(client)
    fill(client)
    yield process
    process.stop()


def ask(client: Client, name: str, **given: str) -> list[dict[str, Any]]:
    named = QUERIES[name]
    wanted = {parameter.name for parameter in named.parameters}
    span = {key: value for key, value in SPAN.items() if key in wanted}
    result = client.query(named.sql, parameters=named.bind({**span, **given}))
    return [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]


@pytest.fixture(scope="module")
def client(store: StoreProcess) -> Client:
    return connect(store.url)


@pytest.mark.parametrize("name", sorted(ASKED))
def test_every_query_returns_rows_of_the_tenant_and_none_of_a_stranger(client: Client, name: str) -> None:
    assert ask(client, name, tenant="acme")
    stranger = ask(client, name, tenant="nobody")
    figures_of_the_whole_store = {"rows_stored", "dead_letters", "newest_batch_at"}
    for row in stranger:
        assert not any(value for column, value in row.items() if column not in figures_of_the_whole_store)


def test_an_event_that_came_twice_counts_once_and_one_outside_the_span_never(client: Client) -> None:
    (totals,) = ask(client, "totals", tenant="acme")
    assert (totals["events"], totals["sent"], totals["delivered"], totals["bounced"]) == (7, 1, 2, 1)
    assert (totals["opened"], totals["opened_machine"], totals["complained"]) == (1, 1, 1)


def test_the_rates_add_up_to_the_totals(client: Client) -> None:
    (totals,) = ask(client, "totals")
    rates = ask(client, "event_rates", bucket_s="5")
    assert round(sum(row["events_per_s"] for row in rates) * 5) == totals["events"]


def test_the_figures_agree_with_the_views_that_analysts_use(client: Client) -> None:
    where = (
        "WHERE received_at >= fromUnixTimestamp64Milli({from_ms:Int64})"
        " AND received_at < fromUnixTimestamp64Milli({to_ms:Int64})"
    )
    counted = client.query(f"SELECT event_type, count() FROM events {where} GROUP BY event_type", parameters=SPAN)
    expected: dict[str, int] = {row[0]: row[1] for row in counted.result_rows}
    got = dict.fromkeys(expected, 0)
    for row in ask(client, "event_rates", bucket_s="5"):
        got[row["event_type"]] += round(row["events_per_s"] * 5)
    assert got == expected
    now = client.query("SELECT key, level, score FROM scores_now ORDER BY key").result_rows
    assert sorted((row["key"], row["level"], row["score"]) for row in ask(client, "scores")) == [
        tuple(row) for row in now
    ]


def test_shares_have_their_own_denominators(client: Client) -> None:
    gmail = next(row for row in ask(client, "mailbox_providers", tenant="acme") if row["provider"] == "gmail")
    assert gmail["delivered_share"] == pytest.approx(2 / 3)
    assert gmail["bounced_address_share"] == pytest.approx(1 / 3)
    assert gmail["complained_share"] == pytest.approx(1 / 2)
    assert gmail["deferred_share"] == 0


def test_replies_are_shown_without_the_address_in_them(client: Client) -> None:
    (row,) = ask(client, "refusals")
    assert row["bounce_reason"] == "invalid_recipient"
    assert row["example"] == "550 5.1.1 <…@…> no such user"


def test_only_campaigns_that_were_not_resumed_count_as_paused(client: Client) -> None:
    (row,) = ask(client, "campaign_states")
    assert (row["campaign_id"], row["statuses"]) == ("spring", ["done"])


def test_a_decision_comes_with_its_newest_outcome(client: Client) -> None:
    rows = ask(client, "decisions")
    assert [row["decision_id"] for row in rows] == ["d1", "d3", "d2"]
    assert rows[0]["statuses"] == ["done"]
    assert rows[1]["statuses"] == []


def test_the_pipeline_figures_are_measured_from_the_receipt(client: Client) -> None:
    (row,) = ask(client, "pipeline", tenant="acme")
    assert row["rows_stored"] >= 9
    assert row["post_to_row_p50_ms"] == pytest.approx(250, abs=1)
    assert row["post_to_score_p99_ms"] == pytest.approx(800, abs=1)
    assert row["newest_event_at"].replace(tzinfo=UTC) == at(NOW - 20_000)


async def test_the_console_says_in_words_what_is_wrong(store: StoreProcess) -> None:
    async with console(store.url) as browser:
        overview = await (await browser.get("/api/overview")).json()
    assert overview["store"]["is_well"], overview["store"]
    assert overview["headline"] == {
        "tone": "paused",
        "title": "1 campaign paused: spring",
        "detail": "10 % unknown users",
        "at_ms": NOW - 50_000,
    }
    scores = overview["panels"]["scores"]
    spring = dict(zip(scores["columns"], scores["rows"][0], strict=True))
    assert (spring["key"], spring["score"]) == ("spring", 45.0)
    assert json.loads(spring["penalties"])[0]["reason"] == PENALTY[-1]


async def test_a_store_without_tables_is_told_apart_from_one_that_is_away(tmp_path: Path) -> None:
    empty = StoreProcess(tmp_path / "store")
    (await asyncio.to_thread(empty.start)).close()
    try:
        async with console(empty.url) as browser:
            refused = await browser.get("/readyz")
            assert "mailweir tables apply" in (await refused.json())["error"]
    finally:
        await asyncio.to_thread(empty.stop)


async def test_the_console_survives_the_stores_death_and_return(tmp_path: Path) -> None:
    mortal = StoreProcess(tmp_path / "store")
    client = await asyncio.to_thread(mortal.start)
    apply_tables(client)
    clock = iter(range(NOW, NOW + 10**9, 5_000))
    app = build_console(lambda: connect(mortal.url), clock.__next__)
    async with TestClient(TestServer(app)) as browser:
        assert (await browser.get("/readyz")).status == 200
        await asyncio.to_thread(mortal.kill)
        refused = await browser.get("/readyz")
        assert refused.status == 503
        assert "does not answer" in (await refused.json())["error"]
        await asyncio.to_thread(mortal.start)
        deadline = time.monotonic() + 30
        while (await browser.get("/readyz")).status != 200:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
    await asyncio.to_thread(mortal.stop)
