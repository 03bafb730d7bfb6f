"""A warm-up is replayed from what the store has: counts by hour, levels of the IP's scores; old scores still load."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from clickhouse_connect.driver.client import Client

from schemas.aggregates import Level
from schemas.errors import Misconfigured
from sinks.clickhouse import connect
from sinks.migrate import apply_tables
from sinks.warmup_days import DayRow, days_of

IP = "192.0.2.7"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    client = connect(f"chdb://{tmp_path_factory.mktemp('warmup')}")
    apply_tables(client)
    client.command("SYSTEM STOP MERGES reputation_partials")  # no answer may depend on a merge that has happened
    yield client
    client.close()


def count(
    client: Client,
    minute: str,
    delivered: int,
    *,
    tenant: str = "acme",
    ip: str = IP,
    partition: int = 0,
    offset: int = 1,
) -> None:
    client.command(
        "INSERT INTO reputation_partials (tenant, kind, key, source, minute, partition, applied_offset, delivered,"
        " bounced_address, deferred) VALUES ({tenant:String}, 'ip', {ip:String}, 's', {minute:String},"
        " {partition:Int32}, {offset:Int64}, {delivered:Int64}, 1, 50)",
        {
            "tenant": tenant, "ip": ip, "minute": minute, "partition": partition, "offset": offset,
            "delivered": delivered,
        },
    )  # fmt: skip


def level(client: Client, as_of: str, name: str, *, kind: str = "ip", key: str = IP) -> None:
    client.command(
        "INSERT INTO reputation_scores (tenant, kind, key, as_of, version, level) VALUES"
        " ('acme', {kind:String}, {key:String}, {as_of:String}, toUnixTimestamp({as_of:String}), {level:String})",
        {"kind": kind, "key": key, "as_of": as_of, "level": name},
    )


def test_days_have_their_messages_their_busiest_hour_and_their_worst_level(client: Client) -> None:
    count(client, "2026-11-01 23:59:00", 999)  # before the start
    count(client, "2026-11-02 00:00:00", 9)
    count(client, "2026-11-02 10:00:00", 19)
    count(client, "2026-11-02 10:59:00", 29)
    count(client, "2026-11-02 10:59:00", 39, partition=1)
    count(client, "2026-11-02 10:59:00", 49, partition=1, offset=2)  # in place of the one before
    count(client, "2026-11-04 12:00:00", 5)
    count(client, "2026-11-04 12:00:00", 500, tenant="other")
    count(client, "2026-11-04 12:00:00", 500, ip="192.0.2.70")
    level(client, "2026-11-02 10:00:00", "watch")
    level(client, "2026-11-02 11:00:00", "healthy")
    level(client, "2026-11-04 12:00:00", "paused", kind="ip_provider", key=f"{IP}|gmail")
    level(client, "2026-11-04 12:00:00", "healthy")
    level(client, "2026-11-05 01:00:00", "throttled", key="192.0.2.70")
    level(client, "2026-11-05 01:00:00", "paused", kind="ip_provider", key="192.0.2.70|gmail")
    assert days_of(client, "acme", IP, date(2026, 11, 2)) == [
        DayRow(date(2026, 11, 2), 10 + 20 + 30 + 50, 100, Level.WATCH),
        DayRow(date(2026, 11, 4), 6, 6, Level.PAUSED),
    ]


def test_an_ip_that_nobody_has_seen_has_no_days(client: Client) -> None:
    assert days_of(client, "acme", "192.0.2.99", date(2026, 11, 2)) == []


def test_scores_of_the_old_form_have_empty_new_columns(client: Client) -> None:
    rows = client.query("SELECT trend, advice, emulations FROM scores WHERE key = {ip:String} LIMIT 1", {"ip": IP})
    assert rows.result_rows == [(0.0, "", [])]


def test_a_store_without_tables_is_a_sentence(client: Client) -> None:
    client.command("CREATE DATABASE IF NOT EXISTS empty ENGINE = Atomic")
    client.database = "empty"
    try:
        with pytest.raises(Misconfigured, match="run `mailweir tables apply`"):
            days_of(client, "acme", IP, date(2026, 11, 2))
    finally:
        client.database = "mailweir"
