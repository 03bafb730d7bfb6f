"""What an email event counts as for reputation: one metric, a field of `Counts`, and for some a part of it beside.

Event type decides, for refusals the bounce reason with it. Only permanent failures of the address or of
its domain are list quality; refusals of the sender are kept apart from them, and suppressed ones are
judged by nobody. Of refusals of the sender those that name a blocklist, and those for want of authentication, are
counted once more, because they end otherwise: by a person.
"""

from __future__ import annotations

from dataclasses import fields

from schemas.aggregates import Counts
from schemas.events import BounceReason, EventType, Machine, Permanence

METRICS: tuple[str, ...] = tuple(item.name for item in fields(Counts))
LISTED, AUTH = "refused_listed", "refused_auth"
PARTS = (LISTED, AUTH)  # of REFUSED; every other metric has events of its own
REFUSED = ("bounced_block", "deferred_reputation")
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


def metric_of(event_type: str, reason: str, permanence: str, machine: str) -> str:
    """What an event counts as, one of METRICS and none of PARTS."""
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


def part_of(metric: str, reason: str, blocklist: str) -> str:
    """Which of PARTS an event counts as beside its `metric`; "" for most. A list that is named comes first."""
    if metric not in REFUSED:
        return ""
    return LISTED if blocklist else AUTH if reason == BounceReason.AUTH_FAILURE else ""
