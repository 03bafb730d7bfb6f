"""Mailjet's Event API: flat JSON objects, one a request or, with grouping (version 2), in an array; not signed.

The credentials in the webhook's URL arrive as Basic authentication, and that is what is checked. "sent" means that
the receiving server has accepted the message. There are no event ids. What the sender gave along with a message is in
`CustomID` and `Payload`, the second often JSON written as text.
Sources: "Event API: real-time notifications", with its table of errors, and "Event Tracking API" (Mailjet
documentation).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from connectors import bounces
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import REFUSALS, complete
from connectors.item_events import add_each
from connectors.items import Item, ItemLists
from connectors.signatures import SharedSecret
from connectors.values import first_text, from_seconds, json_object, own_values, text, whole
from schemas.events import BounceClass, BounceReason, EmailEvent, EventType

if TYPE_CHECKING:
    from schemas.config import Source

SCHEME = SharedSecret()
TYPES: dict[str, EventType] = {
    "sent": EventType.DELIVERED,
    "open": EventType.OPENED,
    "click": EventType.CLICKED,
    "bounce": EventType.BOUNCED,  # unless it is greylisted, which is tried again
    "blocked": EventType.REJECTED,
    "spam": EventType.COMPLAINED,
    "unsub": EventType.UNSUBSCRIBED,
}
# Mailjet's own errors; only used where the reply itself says nothing clear.
ERRORS: dict[str, BounceReason] = {
    "user unknown": BounceReason.INVALID_RECIPIENT,
    "mailbox inactive": BounceReason.INACTIVE_MAILBOX,
    "quota exceeded": BounceReason.MAILBOX_FULL,
    "invalid domain": BounceReason.INVALID_DOMAIN,
    "no mail host": BounceReason.DNS_FAILURE,
    "relay/access denied": BounceReason.RELAY_DENIED,
    "greylisted": BounceReason.GREYLISTED,
    "typofix": BounceReason.INVALID_DOMAIN,
    "sender blocked": BounceReason.BLOCKED_IP,
    "content blocked": BounceReason.SPAM_CONTENT,
    "policy issue": BounceReason.POLICY,
    "system issue": BounceReason.SYSTEM_ERROR,
    "protocol issue": BounceReason.PROTOCOL_ERROR,
    "connection issue": BounceReason.NETWORK_FAILURE,
}
# What Mailjet itself refuses for other reasons than what it remembers of the recipient.
REFUSED: dict[str, BounceReason] = {
    "typofix": BounceReason.INVALID_DOMAIN,
    "sender blocked": BounceReason.POLICY,
    "content blocked": BounceReason.SPAM_CONTENT,
    "policy issue": BounceReason.POLICY,
    "duplicate in campaign": BounceReason.POLICY,
    "system issue": BounceReason.SYSTEM_ERROR,
    "protocol issue": BounceReason.PROTOCOL_ERROR,
    "connection issue": BounceReason.NETWORK_FAILURE,
}


class _Event(Item):
    """One event, as far as it is read here."""

    event: str = ""
    time: Any = None
    message_id: Any = msgspec.field(default=None, name="MessageID")
    old_message_id: Any = msgspec.field(default=None, name="mj_message_id")
    email: str = ""
    campaign: Any = msgspec.field(default=None, name="customcampaign")
    campaign_number: Any = msgspec.field(default=None, name="mj_campaign_id")
    custom_id: Any = msgspec.field(default=None, name="CustomID")
    payload: Any = msgspec.field(default=None, name="Payload")
    smtp_reply: Any = None
    ip: Any = None
    agent: Any = None
    url: Any = None
    hard_bounce: Any = None
    error: Any = None
    comment: Any = None


_EVENTS = ItemLists(_Event)


class Mailjet:
    """The connector."""

    name = "mailjet"
    # Every answer but 200 is tried again.
    statuses = StatusPolicy(
        source="https://documentation.mailjet.com/hc/en-us/articles/360043578154-Event-Tracking-API"
    )

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """Basic credentials or a bearer token, against every secret of the source."""
        return SCHEME.verify(request, source)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """One event, or an array of them."""
        items, result = _EVENTS.read(request.body)
        return add_each(result, items, _Event, context, Mailjet.name, _fill)


def _fill(event: EmailEvent, item: _Event, context: Context) -> None:
    word, error, is_hard = item.event, text(item.error).lower(), item.hard_bounce is True
    metadata = _metadata(item)
    event.provider_event_type = word
    event.event_type = event_type = TYPES.get(word, EventType.UNKNOWN)
    if word == "bounce" and error == "greylisted" and not is_hard:
        event.event_type = event_type = EventType.DEFERRED
    event.occurred_at = from_seconds(item.time)
    event.recipient = item.email
    event.message_id = first_text(item.message_id, item.old_message_id)
    event.campaign_id = first_text(item.campaign, metadata.get("campaign_id"), whole(item.campaign_number) or "")
    event.variant_id = text(metadata.get("variant_id"))
    event.metadata = json_object(metadata)
    event.smtp_response = _reply(item)
    event.url = text(item.url)
    event.user_agent = text(item.agent)
    event.client_ip = text(item.ip)
    complete(event, context, hint=_hint(word, error, is_hard=is_hard) if event_type in REFUSALS else None)


def _metadata(item: _Event) -> dict[str, Any]:
    """The payload, and beside it the sender's id of the message."""
    found = own_values(item.payload, "Payload")
    custom_id = text(item.custom_id)
    return {**found, "CustomID": custom_id} if custom_id else found


def _reply(item: _Event) -> str:
    """What the server said, without Mailjet's words around it: `sent (250 2.0.0 OK)`; else an error not known here."""
    reply = text(item.smtp_reply)
    if reply.startswith("sent (") and reply.endswith(")"):
        return reply[6:-1]
    error = text(item.error)
    is_known = item.event == "blocked" or error.lower() in ERRORS
    return reply or text(item.comment) or ("" if is_known else error)


def _hint(word: str, error: str, *, is_hard: bool) -> BounceClass | None:
    """How Mailjet itself classes a refusal."""
    rule = f"mailjet:{error or word}"
    if word == "blocked":
        return bounces.of(REFUSED.get(error, BounceReason.SUPPRESSED), 5, confidence=1.0, rule=rule)
    return bounces.of(ERRORS.get(error, BounceReason.UNKNOWN), 5 if is_hard else 4, confidence=0.6, rule=rule)
