"""From columns of email events to counts per (kind, key, source, minute).

One event counts once for each kind of key it has (IP, campaign, provider, ...). What it counts *as* is
decided by two tables: event type and, for refusals, bounce reason. Only permanent failures of the
address or of its domain are list quality; refusals of the sender are kept apart from them, and
suppressed ones are judged by nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import polars as pl

from schemas.aggregates import Counts, KeyKind
from schemas.events import BounceReason, EventType, Machine

MINUTE_MS = 60_000
METRICS: tuple[str, ...] = tuple(item.name for item in fields(Counts))
COLUMNS: tuple[str, ...] = (
    "event_id", "tenant", "source", "event_type", "occurred_at", "received_at", "campaign_id", "sending_ip",
    "ip_pool", "sending_domain", "mailbox_provider", "bounce_reason", "bounce_permanence", "machine",
)  # fmt: skip
KINDS: tuple[tuple[KeyKind, tuple[str, ...]], ...] = (
    (KeyKind.TENANT, ("tenant",)),
    (KeyKind.CAMPAIGN, ("campaign_id",)),
    (KeyKind.IP, ("sending_ip",)),
    (KeyKind.IP_POOL, ("ip_pool",)),
    (KeyKind.DOMAIN, ("sending_domain",)),
    (KeyKind.PROVIDER, ("mailbox_provider",)),
    (KeyKind.CAMPAIGN_PROVIDER, ("campaign_id", "mailbox_provider")),
    (KeyKind.IP_PROVIDER, ("sending_ip", "mailbox_provider")),
    (KeyKind.DOMAIN_PROVIDER, ("sending_domain", "mailbox_provider")),
)
_BY_TYPE: dict[str, str] = {
    EventType.QUEUED: "sent",
    EventType.SENT: "sent",
    EventType.DELIVERED: "delivered",
    EventType.DEFERRED: "deferred",
    EventType.BOUNCED: "bounced_other",
    EventType.REJECTED: "rejected",
    EventType.FAILED: "rejected",
    EventType.OPENED: "opened",
    EventType.CLICKED: "clicked",
    EventType.COMPLAINED: "complained",
    EventType.UNSUBSCRIBED: "unsubscribed",
}
_LIST_QUALITY = (BounceReason.INVALID_RECIPIENT, BounceReason.INACTIVE_MAILBOX, BounceReason.INVALID_DOMAIN)
_SENDER_REFUSED = (
    BounceReason.BLOCKED_IP, BounceReason.BLOCKED_DOMAIN, BounceReason.AUTH_FAILURE, BounceReason.RATE_LIMITED,
    BounceReason.POLICY,
)  # fmt: skip
_CONTENT = (BounceReason.SPAM_CONTENT, BounceReason.CONTENT_REJECTED)
_DIMENSIONS = ("tenant", "source", "campaign_id", "sending_ip", "ip_pool", "sending_domain", "mailbox_provider")


@dataclass(frozen=True, slots=True)
class RowKey:
    """What a row counts: `key` is the parts of the kind's key joined by "|"; `minute` in ms."""

    tenant: str
    kind: str
    key: str
    source: str
    minute: int


@dataclass(slots=True)
class Increment:
    """What a batch adds to one row: `counts` by METRICS, and the receipt times it spans (ms)."""

    counts: list[int]
    oldest_received_at: int
    newest_received_at: int


def _metric() -> pl.Expr:
    kind, reason = pl.col("event_type"), pl.col("bounce_reason")
    bounced, deferred = kind == EventType.BOUNCED, kind == EventType.DEFERRED
    refused = bounced | deferred | (kind == EventType.REJECTED)
    permanent = pl.col("bounce_permanence") == "permanent"
    machine = pl.col("machine") == Machine.MACHINE
    return (
        pl.when(refused & (reason == BounceReason.SUPPRESSED)).then(pl.lit("suppressed"))
        .when(bounced & reason.is_in(_LIST_QUALITY) & permanent).then(pl.lit("bounced_address"))
        .when(bounced & reason.is_in(_SENDER_REFUSED)).then(pl.lit("bounced_block"))
        .when(bounced & reason.is_in(_CONTENT)).then(pl.lit("bounced_content"))
        .when(deferred & reason.is_in((*_SENDER_REFUSED, *_CONTENT))).then(pl.lit("deferred_reputation"))
        .when((kind == EventType.OPENED) & machine).then(pl.lit("opened_machine"))
        .when((kind == EventType.CLICKED) & machine).then(pl.lit("clicked_machine"))
        .otherwise(kind.replace_strict(_BY_TYPE, default="other", return_dtype=pl.String))
    )  # fmt: skip


def with_metric(events: pl.DataFrame) -> pl.DataFrame:
    """The events with `minute` (ms, start of the event's minute) and `metric` (one of METRICS)."""
    return events.with_columns(
        minute=pl.col("occurred_at") // MINUTE_MS * MINUTE_MS,
        metric=_metric(),
    )


def count(events: pl.DataFrame) -> dict[RowKey, Increment]:
    """Counts of a batch of distinct events (COLUMNS; times as integers, ms). Order does not matter."""
    if events.is_empty():
        return {}
    base = (
        with_metric(events)
        .group_by(*_DIMENSIONS, "minute", "metric")
        .agg(
            n=pl.len(),
            oldest=pl.col("received_at").min(),
            newest=pl.col("received_at").max(),
        )
    )
    rows: dict[RowKey, Increment] = {}
    for kind, columns in KINDS:
        present = base.filter(pl.all_horizontal(pl.col(column) != "" for column in columns))
        key = pl.concat_str(columns, separator="|").alias("key")
        grouped = present.group_by("tenant", key, "source", "minute", "metric").agg(
            pl.col("n").sum(), pl.col("oldest").min(), pl.col("newest").max()
        )
        for tenant, text, source, minute, metric, n, oldest, newest in grouped.iter_rows():
            _add(rows, RowKey(tenant, kind, text, source, minute), metric, n, (oldest, newest))
    return rows


_INDEX = {name: position for position, name in enumerate(METRICS)}


def _add(rows: dict[RowKey, Increment], key: RowKey, metric: str, n: int, received: tuple[int, int]) -> None:
    row = rows.get(key)
    if row is None:
        row = rows[key] = Increment([0] * len(METRICS), *received)
    row.counts[_INDEX[metric]] += n
    row.oldest_received_at = min(row.oldest_received_at, received[0])
    row.newest_received_at = max(row.newest_received_at, received[1])


def one_by_one(events: pl.DataFrame) -> Iterator[dict[RowKey, Increment]]:
    """`count` of each event alone, in order: for replays, where each row has its own place to go on from."""
    for position in range(len(events)):
        yield count(events[position : position + 1])
