"""What an email event says about who must not be mailed any more.

Permanent failures of the address or its domain, complaints and opt-outs suppress; an opt-in takes the opt-out of its
scope back, and nothing else. Refusals of the sender (blocks, content, policy) and what the sending service suppressed
itself say nothing about the address. A final failure that is about the address but not permanent, such as a full
mailbox, is a failing day (`failing.py`); what was only deferred is not, since it may have been delivered later.
"""

from __future__ import annotations

from schemas.events import BounceReason, BounceScope, EmailEvent, EventType, Permanence
from schemas.suppressions import TENANT_SCOPE, Suppression, SuppressionCause, SuppressionStatus
from streams.core.suppression.failing import DAY_MS

DECIDING = ("event_type", "bounce_reason", "bounce_scope", "bounce_permanence")
"""The fields that tell whether an event says anything (`says_anything` takes them in this order)."""

_DEAD: dict[str, SuppressionCause] = {
    BounceReason.INVALID_RECIPIENT: SuppressionCause.DEAD_ADDRESS,
    BounceReason.INACTIVE_MAILBOX: SuppressionCause.DEAD_ADDRESS,
    BounceReason.INVALID_DOMAIN: SuppressionCause.DEAD_DOMAIN,
}
_CONSENT: dict[str, SuppressionStatus] = {
    EventType.UNSUBSCRIBED: SuppressionStatus.ACTIVE,
    EventType.SUBSCRIBED: SuppressionStatus.REMOVED,
}
# Reports under RFC 5965 and 6591 that are no complaint of the recipient, should a provider call them one.
_NO_COMPLAINT = frozenset({"not-spam", "auth-failure", "dmarc"})
_REASON_LIMIT = 120


def says_anything(event_type: str, reason: str, scope: str, permanence: str) -> bool:
    """Whether an event with these fields can say who must not be mailed."""
    if event_type == EventType.BOUNCED:
        return _is_dead(reason, permanence) or _is_failing(reason, scope, permanence)
    return event_type == EventType.COMPLAINED or event_type in _CONSENT


def fact_of(event: EmailEvent) -> Suppression | None:
    """The fact the event states; None if it states none, or names no recipient."""
    if not event.recipient_key:
        return None
    if event.event_type == EventType.BOUNCED and _is_dead(event.bounce_reason, event.bounce_permanence):
        return _fact(event, _DEAD[event.bounce_reason], TENANT_SCOPE)
    if event.event_type == EventType.COMPLAINED and event.complaint_type.strip().lower() not in _NO_COMPLAINT:
        return _fact(event, SuppressionCause.COMPLAINT, TENANT_SCOPE)
    if event.event_type in _CONSENT:
        return _fact(event, SuppressionCause.UNSUBSCRIBE, event.stream or TENANT_SCOPE)
    return None


def failing_day_of(event: EmailEvent) -> int | None:
    """The day (UTC, since the epoch) on which mail to the address failed without it being dead; None for others."""
    refusal = event.bounce_reason, event.bounce_scope, event.bounce_permanence
    if event.event_type != EventType.BOUNCED or not event.recipient_key or not _is_failing(*refusal):
        return None
    return happened_at(event) // DAY_MS


def happened_at(event: EmailEvent) -> int:
    """When it happened, in ms. A provider's clock that runs ahead cannot make a fact that nothing can follow."""
    return max(0, min(event.occurred_at or event.received_at, event.received_at))


def _is_dead(reason: str, permanence: str) -> bool:
    return reason in _DEAD and permanence == Permanence.PERMANENT


def _is_failing(reason: str, scope: str, permanence: str) -> bool:
    """A full mailbox, whatever its code says, or another failure of the address that is not permanent."""
    if reason == BounceReason.MAILBOX_FULL:
        return True
    return scope == BounceScope.ADDRESS and permanence == Permanence.TRANSIENT


def _fact(event: EmailEvent, cause: SuppressionCause, scope: str) -> Suppression:
    return Suppression(
        tenant=event.tenant,
        scope=scope,
        recipient_key=event.recipient_key,
        cause=cause,
        status=_CONSENT.get(event.event_type, SuppressionStatus.ACTIVE),
        since=happened_at(event),
        source=event.source,
        event_id=event.event_id,
        reason=_reason(event),
        who="recipient" if event.event_type == EventType.SUBSCRIBED else "",
        recipient=event.recipient,
    )


def _reason(event: EmailEvent) -> str:
    """Classes and codes; a receiver's reply may hold addresses, and stays with its event."""
    codes = (str(event.smtp_code or ""), event.enhanced_status)
    words = (event.bounce_reason, *codes, event.complaint_type) if event.bounce_reason else (event.complaint_type,)
    return " ".join(word for word in words if word)[:_REASON_LIMIT] or event.event_type
