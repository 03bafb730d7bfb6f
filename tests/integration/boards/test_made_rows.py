"""What no scenario of the demo has: variants, a campaign complained about, a mailbox provider that turns slow."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from dashboards.grafana.alerts import ALERTS
from dashboards.grafana.boards import DASHBOARDS
from dashboards.grafana.expanded import Seen, expanded
from sinks.clickhouse import connect
from sinks.migrate import apply_tables

NOW = 1_774_569_600_000
HOUR = 3_600_000
SEEN = Seen(from_ms=NOW - 24 * HOUR, to_ms=NOW, interval_s=300)


def at(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def insert(client: Client, table: str, *rows: dict[str, Any]) -> None:
    for row in rows:
        client.insert(table, [list(row.values())], column_names=list(row), database="mailweir")


def counted(kind: str, key: str, ago_ms: int, **counts: int) -> dict[str, Any]:
    return {"tenant": "acme", "kind": kind, "key": key, "source": "esp", "minute": at(NOW - ago_ms), **counts}


def event(number: int, kind: str, who: str, variant: str, machine: str = "") -> dict[str, Any]:
    times = {"occurred_at": at(NOW - HOUR), "received_at": at(NOW - HOUR)}
    of = {"tenant": "acme", "event_type": kind, "recipient_key": who, "campaign_id": "spring", "variant_id": variant}
    return {"event_id": f"e{number}", "machine": machine, **of, **times}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    client = connect(f"chdb://{tmp_path_factory.mktemp('made')}")
    apply_tables(client)
    yield client
    client.close()


def fired(client: Client, uid: str) -> list[tuple[Any, ...]]:
    alert = next(alert for alert in ALERTS if alert.uid == uid)
    rows = client.query(expanded(alert.sql(), SEEN)).result_rows
    return [tuple(row) for row in rows if (row[-1] > alert.limit if alert.side == "gt" else row[-1] < alert.limit)]


def test_variants_stand_beside_each_other_by_people_not_by_opens(client: Client) -> None:
    insert(
        client,
        "email_events",
        *(event(number, "delivered", f"r{number}", "ab"[number % 2]) for number in range(8)),
        event(20, "opened", "r0", "a", "human"),
        event(21, "opened", "r0", "a", "human"),  # the same person again
        event(22, "opened", "r2", "a", "machine"),
        event(23, "clicked", "r1", "b", "human"),
        event(24, "delivered", "r9", ""),  # no variant named
    )
    panel = next(panel for board in DASHBOARDS for panel in board.panels if panel.query == "campaign_variants")
    found = client.query(expanded(panel.sql(), SEEN))
    rows = [dict(zip(found.column_names, row, strict=True)) for row in found.result_rows]
    assert [(row["variant_id"], row["delivered"], row["opened"], row["clicked"]) for row in rows] == [
        ("a", 4, 1, 0),
        ("b", 4, 0, 1),
    ]
    assert (rows[0]["opened_share"], rows[1]["clicked_share"]) == (0.25, 0.25)


def test_three_complaints_of_six_hundred_are_told_and_two_are_not(client: Client) -> None:
    insert(
        client,
        "reputation_partials",
        counted("campaign", "loud", 2 * HOUR, delivered=600, complained=3),
        counted("campaign", "quiet", 2 * HOUR, delivered=600, complained=2),
        counted("campaign", "small", 2 * HOUR, delivered=100, complained=9),
        counted("campaign", "long-ago", 30 * HOUR, delivered=600, complained=9),
    )
    assert fired(client, "mailweir-complaints") == [("acme", "loud", 0.005)]


def test_a_mailbox_provider_that_turns_slow_is_told_and_one_that_always_was_is_not(client: Client) -> None:
    insert(
        client,
        "reputation_partials",
        counted("provider", "turns", 3 * HOUR, delivered=950, deferred=50),
        counted("provider", "turns", 5 * 60_000, delivered=120, deferred=40, deferred_reputation=40),
        counted("provider", "slow", 3 * HOUR, delivered=600, deferred=400),
        counted("provider", "slow", 5 * 60_000, delivered=120, deferred=80),
        counted("provider", "tiny", 5 * 60_000, delivered=1, deferred=9),
    )
    ((tenant, provider, times),) = fired(client, "mailweir-deferrals")
    assert (tenant, provider, round(times, 3)) == ("acme", "turns", 8.0)
