"""What ClickHouse holds, read for comparison with the truth. SQL and nothing else.

`Client` is the part of a clickhouse-connect client that is used here; calls block, so coroutines run
them in a thread, each coroutine with a client of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from streams.simulator.truth import EventKey

METRICS = (
    "sent", "delivered", "deferred", "deferred_reputation", "bounced_address", "bounced_block", "bounced_content",
    "bounced_other", "suppressed", "rejected", "opened", "opened_machine", "clicked", "clicked_machine", "complained",
    "unsubscribed", "other",
)  # fmt: skip
_KEYS = (
    "SELECT provider, message_id, event_type, toUnixTimestamp64Milli(occurred_at), recipient FROM mailweir.email_events"
)
_CHUNK = 200_000  # keys held at a time: some 100 MB


class Result(Protocol):
    """An answer to a query."""

    @property
    def result_rows(self) -> Sequence[Sequence[Any]]:
        """Rows of values."""


class Client(Protocol):
    """A connection to ClickHouse. `query` blocks and raises clickhouse-connect's errors."""

    def query(self, query: str) -> Result:
        """Run one statement."""


def keys(client: Client, expected: int) -> Iterator[list[EventKey]]:
    """Every stored email event's key, in parts; `expected` events decide how many parts."""
    parts = 1 + expected // _CHUNK
    for part in range(parts):
        chosen = f" FINAL WHERE cityHash64(message_id) % {parts} = {part}"
        rows = client.query(_KEYS + chosen).result_rows
        yield [EventKey(*row) for row in rows]


def event_counts(client: Client) -> Counter[tuple[str, str, str]]:
    """Stored email events by (tenant, campaign, event type)."""
    rows = client.query(
        "SELECT tenant, campaign_id, event_type, count() FROM mailweir.email_events FINAL"
        " GROUP BY tenant, campaign_id, event_type"
    ).result_rows
    return Counter({(tenant, campaign, kind): n for tenant, campaign, kind, n in rows})


def partial_sums(client: Client) -> dict[tuple[str, str, str], dict[str, int]]:
    """The reputation counts by (tenant, kind, key) for the kinds campaign and tenant."""
    sums = ", ".join(f"sum({name})" for name in METRICS)
    rows = client.query(
        f"SELECT tenant, kind, key, {sums} FROM mailweir.reputation_partials FINAL"  # noqa: S608 - our own names
        " WHERE kind IN ('campaign', 'tenant') GROUP BY tenant, kind, key"
    ).result_rows
    return {(row[0], row[1], row[2]): dict(zip(METRICS, row[3:], strict=True)) for row in rows}


def totals(client: Client) -> tuple[int, int, int, int]:
    """How far storing is: email events, events in the tenants' reputation counts, dead letters, activities."""
    added = " + ".join(METRICS)
    statements = (
        "SELECT count() FROM mailweir.email_events FINAL",
        f"SELECT sum({added}) FROM mailweir.reputation_partials FINAL WHERE kind = 'tenant'",  # noqa: S608
        "SELECT count() FROM mailweir.dead_letters FINAL",
        "SELECT count() FROM mailweir.activity_events FINAL",
    )
    first, second, third, fourth = (int(client.query(sql).result_rows[0][0] or 0) for sql in statements)
    return first, second, third, fourth


def activity_ids(client: Client) -> list[str]:
    """The senders' id of every stored activity."""
    rows = client.query("SELECT provider_event_id FROM mailweir.activity_events FINAL").result_rows
    return [id_ for (id_,) in rows]


def score_latency_ms(client: Client) -> tuple[float, float] | None:
    """Median and 99th percentile from an event's receipt to the score that counts it; None without scores."""
    rows = client.query(
        "SELECT count(), quantileExact(0.5)(waited), quantileExact(0.99)(waited) FROM ("
        "SELECT toUnixTimestamp64Milli(scored_at) - toUnixTimestamp64Milli(oldest_new_received_at) AS waited"
        " FROM mailweir.reputation_scores WHERE toUnixTimestamp64Milli(oldest_new_received_at) > 0)"
    ).result_rows
    return (float(rows[0][1]), float(rows[0][2])) if rows and rows[0][0] else None


def dead_letters(client: Client) -> int:
    """How many dead letters there are."""
    return int(client.query("SELECT count() FROM mailweir.dead_letters FINAL").result_rows[0][0])


def decisions(client: Client) -> Sequence[Sequence[Any]]:
    """Rows of (id, action, campaign, sending ip, first signal, decided), times in ms since the epoch."""
    return client.query(
        "SELECT decision_id, action, campaign_id, sending_ip, toUnixTimestamp64Milli(first_signal_at),"
        " toUnixTimestamp64Milli(decided_at) FROM mailweir.decisions FINAL"
    ).result_rows


def done(client: Client) -> dict[str, int]:
    """When each decision that was carried out was first confirmed (ms since the epoch), by id."""
    rows = client.query(
        "SELECT decision_id, min(toUnixTimestamp64Milli(executed_at)) FROM mailweir.outcomes FINAL"
        " WHERE status = 'done' AND NOT startsWith(driver, 'alert-') GROUP BY decision_id"
    ).result_rows
    return {decision_id: int(at) for decision_id, at in rows}


def are_there(client: Client, wanted: Sequence[EventKey]) -> set[EventKey]:
    """Which of these events can be queried already. Message ids hold no quotes, and are checked for it."""
    ids = sorted({key.message_id for key in wanted})
    listed = ", ".join(f"'{text}'" for text in ids if "'" not in text and "\\" not in text)
    if not listed:
        return set()
    rows = client.query(_KEYS + f" WHERE message_id IN ({listed})").result_rows
    return {EventKey(*row) for row in rows} & set(wanted)
