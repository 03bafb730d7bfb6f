"""A month of mail made by the store itself: every table that boards read, in the proportions the services write.

Three tenants start a campaign a day each, one after the other for eight hours, to ten mailbox providers from 32 IPs and
8 domains; the counts per minute are made from the events as reputation makes them, a score for each of them. One event
in a hundred comes twice. The month ends at the hour of the filling, since rows are kept for so long from then.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from clickhouse_connect.driver.client import Client

DAYS, CAMPAIGNS_A_DAY = 30, 3
DAY_MS = 86_400_000
PARTS = 20  # inserts; one of ten million rows would sort in gigabytes
_SETTINGS = {"max_insert_threads": 1, "max_partitions_per_insert_block": 0, "optimize_on_insert": 0}


def fill(client: Client, events: int) -> int:
    """Fill the tables, which must be empty, from `events` mail events; the instant (ms) at which the month ends."""
    end = int(time.time()) // 3600 * 3_600_000
    begin = end - DAYS * DAY_MS
    known = {
        "events": events,
        "campaigns": DAYS * CAMPAIGNS_A_DAY,
        "a_day": CAMPAIGNS_A_DAY,
        "day_ms": DAY_MS,
        "begin": begin,
        "end": end,
        "span_ms": DAYS * DAY_MS,
        "letters": events // 1_000,
        "batches": events // 500,
        "transitions": events // 10,
    }
    made, counted, *others = _statements()
    for part in range(PARTS):
        first, last = part * events // PARTS, (part + 1) * events // PARTS
        _run(client, made, {**known, "first": first, "count": last - first})
    for day in range(DAYS):
        since = begin + day * DAY_MS
        _run(client, counted, {**known, "since": since, "until": since + DAY_MS})
    for statement in others:
        _run(client, statement, known)
    return end


def _statements() -> list[str]:
    text = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    return [found for part in text.split(";\n") if (found := part.strip())]


def _run(client: Client, statement: str, known: Mapping[str, int]) -> None:
    client.command(statement.format(**known), settings=_SETTINGS)
