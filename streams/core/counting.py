"""From columns of email events to counts per (kind, key, source, minute).

One event counts once for each kind of key it has (IP, campaign, provider, ...). What it counts *as* is
decided by event type and, for refusals, bounce reason (`metric_of`). Only permanent failures of the
address or of its domain are list quality; refusals of the sender are kept apart from them, and
suppressed ones are judged by nobody. Large batches are grouped as columns first, small ones are not
worth the five milliseconds that takes; both ways give the same counts (property test).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, NamedTuple

import polars as pl

from schemas.aggregates import Counts, KeyKind
from schemas.events import BounceReason, EventType, Machine, Permanence

MINUTE_MS = 60_000
METRICS: tuple[str, ...] = tuple(item.name for item in fields(Counts))
COLUMNS: tuple[str, ...] = (  # in the order of the record
    "event_id", "tenant", "source", "event_type", "occurred_at", "received_at", "mailbox_provider", "campaign_id",
    "sending_ip", "ip_pool", "sending_domain", "bounce_reason", "bounce_permanence", "machine",
)  # fmt: skip
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
_BY_MACHINE: dict[str, str] = {EventType.OPENED: "opened_machine", EventType.CLICKED: "clicked_machine"}
_REFUSALS = (EventType.BOUNCED, EventType.DEFERRED, EventType.REJECTED)
_LIST_QUALITY = (BounceReason.INVALID_RECIPIENT, BounceReason.INACTIVE_MAILBOX, BounceReason.INVALID_DOMAIN)
_FINAL: dict[str, str] = {  # refusals of the sender or of the message
    BounceReason.BLOCKED_IP: "bounced_block",
    BounceReason.BLOCKED_DOMAIN: "bounced_block",
    BounceReason.AUTH_FAILURE: "bounced_block",
    BounceReason.RATE_LIMITED: "bounced_block",
    BounceReason.POLICY: "bounced_block",
    BounceReason.SPAM_CONTENT: "bounced_content",
    BounceReason.CONTENT_REJECTED: "bounced_content",
}
_NAMES = tuple(name for name in COLUMNS[1:] if name not in {"occurred_at", "received_at"})
_RECEIVED = COLUMNS.index("received_at")
_SMALL = 256  # events: below this, rows are quicker than grouping


class RowKey(NamedTuple):
    """What a row counts: `key` is the parts of the kind's key joined by "|"; `minute` in ms."""

    tenant: str
    kind: str
    key: str
    source: str
    minute: int


@dataclass(slots=True)
class Increment:
    """What a batch adds to one row: `counts` by metric, and the receipt times it spans (ms)."""

    counts: dict[str, int]
    oldest_received_at: int
    newest_received_at: int


@cache
def metric_of(event_type: str, reason: str, permanence: str, machine: str) -> str:
    """What an event counts as, one of METRICS."""
    special = ""
    if event_type in _REFUSALS and reason == BounceReason.SUPPRESSED:
        special = "suppressed"
    elif event_type == EventType.BOUNCED and reason in _LIST_QUALITY:
        special = "bounced_address" if permanence == Permanence.PERMANENT else ""
    elif event_type == EventType.BOUNCED:
        special = _FINAL.get(reason, "")
    elif event_type == EventType.DEFERRED and reason in _FINAL:
        special = "deferred_reputation"
    elif machine == Machine.MACHINE:
        special = _BY_MACHINE.get(event_type, "")
    return special or _BY_TYPE.get(event_type, "other")


def count(events: pl.DataFrame) -> dict[RowKey, Increment]:
    """Counts of a batch of distinct events (COLUMNS first; times as integers, ms). Order does not matter."""
    if len(events) < _SMALL:
        return _rows((*row[1 : len(COLUMNS)], 1, row[_RECEIVED], row[_RECEIVED]) for row in events.iter_rows())
    minute = pl.col("occurred_at") // MINUTE_MS * MINUTE_MS
    groups = events.group_by(*_NAMES, minute=minute).agg(
        n=pl.len(), oldest=pl.col("received_at").min(), newest=pl.col("received_at").max()
    )
    ordered = ("minute" if name == "occurred_at" else name for name in COLUMNS[1:] if name != "received_at")
    columns = (*ordered, "n", "oldest", "newest")
    return _rows((*row[:4], 0, *row[4:]) for row in groups.select(columns).iter_rows())


def _rows(groups: Iterable[tuple[Any, ...]]) -> dict[RowKey, Increment]:
    """Groups of equal events: COLUMNS without the id, then their number and the receipt times they span."""
    rows: dict[RowKey, Increment] = {}
    for group in groups:
        tenant, source, kind, occurred_at, _, provider, campaign, ip, pool, domain, *meaning, n, oldest, newest = group
        minute = occurred_at // MINUTE_MS * MINUTE_MS
        metric = metric_of(kind, *meaning)
        for key in _keys(tenant, source, campaign, ip, pool, domain, provider, minute):
            row = rows.get(key)
            if row is None:
                rows[key] = Increment({metric: n}, oldest, newest)
                continue
            row.counts[metric] = row.counts.get(metric, 0) + n
            row.oldest_received_at = min(row.oldest_received_at, oldest)
            row.newest_received_at = max(row.newest_received_at, newest)
    return rows


def _keys(
    tenant: str, source: str, campaign: str, ip: str, pool: str, domain: str, provider: str, minute: int
) -> list[RowKey]:
    """One row for each kind whose parts the event has."""
    found = [
        (_TENANT, tenant, tenant),
        (_CAMPAIGN, campaign, campaign),
        (_IP, ip, ip),
        (_IP_POOL, pool, pool),
        (_DOMAIN, domain, domain),
        (_PROVIDER, provider, provider),
        (_CAMPAIGN_PROVIDER, campaign and provider, f"{campaign}|{provider}"),
        (_IP_PROVIDER, ip and provider, f"{ip}|{provider}"),
        (_DOMAIN_PROVIDER, domain and provider, f"{domain}|{provider}"),
    ]
    return [RowKey(tenant, kind, key, source, minute) for kind, is_there, key in found if is_there]


# Plain texts: an enum member's hash is a Python call, and every row's key is hashed several times.
_TENANT, _CAMPAIGN, _IP = KeyKind.TENANT.value, KeyKind.CAMPAIGN.value, KeyKind.IP.value
_IP_POOL, _DOMAIN, _PROVIDER = KeyKind.IP_POOL.value, KeyKind.DOMAIN.value, KeyKind.PROVIDER.value
_CAMPAIGN_PROVIDER, _IP_PROVIDER = KeyKind.CAMPAIGN_PROVIDER.value, KeyKind.IP_PROVIDER.value
_DOMAIN_PROVIDER = KeyKind.DOMAIN_PROVIDER.value
