"""What the store says of a back-test's time beside the events: what campaigns sent, and what was really decided.

A message is what one recipient was sent under one message id. It was sent when its sender says (`sent_at`), else at the
first event that sending leaves behind (queued, sent, delivered, deferred, bounced). One of which only later events are
known (an open, a complaint) has no time of sending and is not counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from schemas.events import BounceReason, EventType, Permanence
from sinks.clickhouse import translate
from streams.commands.stored_events import Window
from streams.core.backtest.reality import Real
from streams.core.backtest.spans import Cells, Sent, Span, edges_of, held_back
from streams.core.dedupe import HOUR_MS, KEEP_HOURS

_SENDING = (EventType.QUEUED, EventType.SENT, EventType.DELIVERED, EventType.DEFERRED, EventType.BOUNCED)
_LIST_QUALITY = (BounceReason.INVALID_RECIPIENT, BounceReason.INACTIVE_MAILBOX, BounceReason.INVALID_DOMAIN)


def _listed(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)


_CAMPAIGN = f"""
SELECT stretch, provider, count(), countIf(bounced), countIf(complained)
FROM (
    SELECT
        arrayCount(edge -> edge <= sent, {{edges:Array(Int64)}}) AS stretch,
        provider, bounced, complained
    FROM (
        SELECT
            max(mailbox_provider) AS provider,
            minIf(least(occurred_at, received_at), event_type IN ({_listed(_SENDING)})) AS first_at,
            minIf(sent_at, toUnixTimestamp64Milli(sent_at) > 0) AS said_at,
            toUnixTimestamp64Milli(if(toUnixTimestamp64Milli(said_at) > 0, said_at, first_at)) AS sent,
            max(event_type = 'bounced' AND bounce_reason IN ({_listed(_LIST_QUALITY)})
                AND bounce_permanence = '{Permanence.PERMANENT}') AS bounced,
            max(event_type = 'complained') AS complained
        FROM mailweir.email_events FINAL
        WHERE tenant = {{tenant:String}} AND campaign_id = {{campaign:String}}
          AND occurred_at >= fromUnixTimestamp64Milli({{earliest:Int64}}, 'UTC')
          AND received_at < fromUnixTimestamp64Milli({{until:Int64}}, 'UTC')
        GROUP BY message_id, recipient_key, if(message_id = '' AND recipient_key = '', event_id, '')
    )
    WHERE sent > 0
)
GROUP BY stretch, provider
ORDER BY stretch, provider
"""  # noqa: S608 - words of ours
_DECISIONS = """
SELECT decision_id, tenant, kind, key, action, mode, share, cause, reason, policy_version, reverts,
    toUnixTimestamp64Milli(decided_at) AS at
FROM mailweir.decisions FINAL
WHERE decided_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')
  AND decided_at < fromUnixTimestamp64Milli({until:Int64}, 'UTC')
  AND ({tenant:String} = '' OR tenant = {tenant:String})
ORDER BY decided_at, decision_id
"""


def held_by_decision(store: Client, spans: Sequence[Span], window: Window) -> dict[int, Sent]:
    """What each decision that holds something back would have held, by its place. One query for each campaign."""
    campaigns: defaultdict[tuple[str, str], list[Span]] = defaultdict(list)
    for span in spans:
        campaigns[span.tenant, span.campaign_id].append(span)
    found: dict[int, Sent] = {}
    for (tenant, campaign), its in sorted(campaigns.items()):
        held = held_back(its, _cells(store, tenant, campaign, edges_of(its), window))
        found |= {span.place: sent for span, sent in zip(its, held, strict=True)}
    return found


def real_decisions(store: Client, window: Window) -> list[Real]:
    """Stored decisions of the window, by their time."""
    return [
        Real(
            decision_id=row[0], tenant=row[1], kind=row[2], key=row[3], action=row[4], mode=row[5], share=row[6],
            cause=row[7], reason=row[8], policy_version=row[9], reverts=row[10], decided_at=row[11],
        )
        for row in _rows(store, _DECISIONS, window.parameters, "reading the decisions")
    ]  # fmt: skip


def _cells(store: Client, tenant: str, campaign: str, edges: list[int], window: Window) -> Cells:
    given = {
        "tenant": tenant, "campaign": campaign, "edges": edges, "until": window.until,
        "earliest": edges[0] - KEEP_HOURS * HOUR_MS,  # a message's first event, however long it was put off
    }  # fmt: skip
    rows = _rows(store, _CAMPAIGN, given, f"reading what campaign {campaign} sent")
    return {(row[0], row[1]): Sent(*map(float, row[2:])) for row in rows}


def _rows(store: Client, sql: str, given: dict[str, Any], what: str) -> Sequence[Sequence[Any]]:
    try:
        return store.query(sql, parameters=given).result_rows
    except ClickHouseError as error:
        raise translate(error, what) from error
