"""An e-mail event in the vocabulary of django-anymail's tracking events, for those who come from there.

Anymail (15.2) knows 16 types of events and 7 reasons for a rejection, in 13 fields beside the name of the service. All
of it follows from our event; what is deliberately different is listed in docs/vocabulary.md. Two of its types,
`inbound` and `inbound_failed`, are about received mail, which is no event of a sent message: nothing gives them here.
Source: https://anymail.dev/en/stable/sending/tracking/
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from schemas.events import BounceReason, EmailEvent, EventType

TYPES: dict[str, str] = {kind.value: kind.value for kind in EventType}
"""Ours to theirs: the words are the same."""

REJECT_REASONS: dict[str, str] = {
    BounceReason.INVALID_RECIPIENT: "invalid",
    BounceReason.INVALID_DOMAIN: "invalid",
    BounceReason.DNS_FAILURE: "invalid",
    BounceReason.INACTIVE_MAILBOX: "bounced",
    BounceReason.MAILBOX_FULL: "bounced",
    BounceReason.UNKNOWN: "bounced",
    BounceReason.EXPIRED: "timed_out",
    BounceReason.NETWORK_FAILURE: "timed_out",
    BounceReason.BLOCKED_IP: "blocked",
    BounceReason.BLOCKED_DOMAIN: "blocked",
    BounceReason.POLICY: "blocked",
    BounceReason.AUTH_FAILURE: "blocked",
    BounceReason.RELAY_DENIED: "blocked",
    BounceReason.RATE_LIMITED: "blocked",
    BounceReason.GREYLISTED: "blocked",
    BounceReason.SPAM_CONTENT: "spam",
}
"""Why a mail was refused, by our reason; "other" for those that are not listed."""

# A service that suppresses says why with a word of its own, which stands in the rule: "mailgun:suppress-complaint".
_SUPPRESSED_FOR = (
    ("spam", ("complain", "spam")),
    ("unsubscribed", ("unsub", "opt")),
    ("bounced", ("bounce", "suppress")),
    ("invalid", ("invalid",)),
)
_REFUSED = frozenset({EventType.BOUNCED, EventType.DEFERRED, EventType.REJECTED, EventType.FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingEvent:
    """Anymail's fields. `esp_event` is where the original lies in our log, not the original itself."""

    event_type: str
    timestamp: datetime
    event_id: str
    esp_name: str
    esp_event: str
    message_id: str | None
    recipient: str | None
    reject_reason: str | None
    description: str | None
    mta_response: str | None
    tags: list[str]
    metadata: dict[str, Any]
    user_agent: str | None
    click_url: str | None


def tracking_event(event: EmailEvent) -> TrackingEvent:
    """The event as anymail would name it."""
    return TrackingEvent(
        event_type=TYPES[event.event_type],
        timestamp=datetime.fromtimestamp(event.occurred_at / 1000, UTC),
        event_id=event.provider_event_id or event.event_id,
        esp_name=event.provider,
        esp_event=f"{event.raw_topic}:{event.raw_partition}:{event.raw_offset}:{event.raw_index}",
        message_id=event.message_id or event.smtp_message_id or None,
        recipient=event.recipient or None,
        reject_reason=_reject_reason(event),
        description=event.provider_event_type or None,
        mta_response=event.smtp_response or None,
        tags=list(event.tags),
        metadata=json.loads(event.metadata) if event.metadata else {},
        user_agent=event.user_agent or None,
        click_url=event.url or None if event.event_type == EventType.CLICKED else None,
    )


def _reject_reason(event: EmailEvent) -> str | None:
    if event.event_type == EventType.COMPLAINED:
        return "spam"
    if event.event_type == EventType.UNSUBSCRIBED:
        return "unsubscribed"
    if event.event_type not in _REFUSED or not event.bounce_reason:
        return None
    if event.bounce_reason == BounceReason.SUPPRESSED:
        said = f"{event.bounce_rule} {event.provider_event_type} {event.smtp_response}".lower()
        return next((reason for reason, words in _SUPPRESSED_FOR if any(word in said for word in words)), "blocked")
    return REJECT_REASONS.get(event.bounce_reason, "other")
