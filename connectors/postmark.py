"""Postmark's webhooks: one flat JSON object per request, of a kind that `RecordType` names.

Postmark signs nothing: the credentials in the webhook's URL arrive as Basic authentication, and that is what is
checked. Only bounces and complaints have an id. A `SubscriptionChange` after a hard bounce or a complaint repeats
what has a record of its own; it says that Postmark now suppresses the address, and is kept as just that, so that
nothing counts twice.
Sources: "Webhooks overview" and the page of each webhook, "Bounce types", "SMTP API Error" (Postmark documentation).
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
from connectors.values import first_text, from_rfc3339, host_domain, json_object, mapping, text, whole
from schemas.events import BounceClass, BounceReason, EmailEvent, EventType

if TYPE_CHECKING:
    from schemas.config import Source

SCHEME = SharedSecret()
TYPES: dict[str, EventType] = {
    "Delivery": EventType.DELIVERED,
    "Bounce": EventType.BOUNCED,  # unless BOUNCES says otherwise of its `Type`
    "SpamComplaint": EventType.COMPLAINED,
    "Open": EventType.OPENED,
    "Click": EventType.CLICKED,
    "SubscriptionChange": EventType.UNSUBSCRIBED,  # unless it is a reactivation, or follows from a bounce or complaint
    "SMTPApiError": EventType.FAILED,  # unless the recipient is inactive
}
# Bounce types; UNKNOWN where the mail that came back says nothing about the one that was sent.
BOUNCES: dict[str, EventType] = {
    "Transient": EventType.DEFERRED,
    "DnsError": EventType.DEFERRED,
    "Unsubscribe": EventType.UNSUBSCRIBED,
    "Subscribe": EventType.SUBSCRIBED,
    "AutoResponder": EventType.AUTORESPONDED,
    "AddressChange": EventType.AUTORESPONDED,
    "ChallengeVerification": EventType.AUTORESPONDED,
    "SpamComplaint": EventType.COMPLAINED,
    "BadEmailAddress": EventType.REJECTED,
    "ManuallyDeactivated": EventType.REJECTED,
    "Unconfirmed": EventType.REJECTED,
    "SMTPApiError": EventType.FAILED,
    "TemplateRenderingFailed": EventType.FAILED,
    "OpenRelayTest": EventType.UNKNOWN,
    "InboundError": EventType.UNKNOWN,
}
# How Postmark classes a refusal: reason and 4 or 5; only used where the reply itself says nothing clear.
REASONS: dict[str, tuple[BounceReason, int]] = {
    "HardBounce": (BounceReason.INVALID_RECIPIENT, 5),
    "SoftBounce": (BounceReason.MAILBOX_FULL, 4),
    "Transient": (BounceReason.NETWORK_FAILURE, 4),
    "DnsError": (BounceReason.DNS_FAILURE, 4),
    "SpamNotification": (BounceReason.SPAM_CONTENT, 5),
    "VirusNotification": (BounceReason.CONTENT_REJECTED, 5),
    "Blocked": (BounceReason.POLICY, 5),
    "DMARCPolicy": (BounceReason.AUTH_FAILURE, 5),
    "BadEmailAddress": (BounceReason.INVALID_RECIPIENT, 5),
    "ManuallyDeactivated": (BounceReason.SUPPRESSED, 5),
    "Unconfirmed": (BounceReason.SUPPRESSED, 5),
}
_SUPPRESSIONS = frozenset({"HardBounce", "SpamComplaint"})
_INACTIVE = 406  # Postmark's API error code of a suppressed recipient
_REPLIES = frozenset({"Delivery", "Bounce", "SMTPApiError"})  # whose details are what a server said


class _Geo(Item):
    ip: str = msgspec.field(default="", name="IP")


class _Record(Item, rename="pascal"):
    """One record, as far as it is read here."""

    record_type: str = ""
    id: Any = msgspec.field(default=None, name="ID")
    type: Any = None
    message_id: Any = msgspec.field(default=None, name="MessageID")
    message_stream: Any = None
    recipient: str = ""
    email: str = ""
    from_: Any = msgspec.field(default=None, name="From")
    tag: Any = None
    metadata: Any = None
    subject: Any = None
    details: Any = None
    description: Any = None
    message: Any = None
    error_code: Any = None
    delivered_at: Any = None
    bounced_at: Any = None
    received_at: Any = None
    changed_at: Any = None
    suppress_sending: Any = None
    suppression_reason: Any = None
    original_link: str = ""
    user_agent: Any = None
    geo: _Geo | None = None


_RECORDS = ItemLists(_Record)


class Postmark:
    """The connector."""

    name = "postmark"
    # Everything but 200 is tried again, 403 alone ends it; a refused request keeps 401, so that a mistyped
    # secret can still be mended.
    statuses = StatusPolicy(
        source="https://postmarkapp.com/support/article/understanding-inbound-webhook-retries-in-postmark"
    )

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """Basic credentials or a bearer token, against every secret of the source."""
        return SCHEME.verify(request, source)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """The one record of the body; an array of records is read too."""
        records, result = _RECORDS.read(request.body)
        return add_each(result, records, _Record, context, Postmark.name, _fill)


def _fill(event: EmailEvent, record: _Record, context: Context) -> None:
    word, kind = record.record_type, text(record.type) if record.record_type == "Bounce" else ""
    metadata = mapping(record.metadata)
    event.provider_event_type = word
    event.event_type = event_type = _type(word, kind, record)
    event.occurred_at = _time(record)
    event.provider_event_id = text(record.id) if whole(record.id) else ""
    event.recipient = record.recipient or record.email
    event.message_id = text(record.message_id)
    event.campaign_id = text(metadata.get("campaign_id"))
    event.variant_id = text(metadata.get("variant_id"))
    event.stream = text(record.message_stream)
    if tag := text(record.tag):
        event.tags = [tag]
    event.metadata = json_object(metadata)
    event.subject = text(record.subject)
    event.sending_domain = host_domain(record.from_)
    if word in _REPLIES:
        event.smtp_response = first_text(record.details, record.message)
    event.url = record.original_link
    event.user_agent = text(record.user_agent)
    event.client_ip = record.geo.ip if record.geo is not None else ""
    complete(event, context, hint=_hint(word, kind, record) if event_type in REFUSALS else None)


def _type(word: str, kind: str, record: _Record) -> EventType:
    if word == "SubscriptionChange":
        if record.suppress_sending is False:
            return EventType.SUBSCRIBED
        if text(record.suppression_reason) in _SUPPRESSIONS:
            return EventType.REJECTED
    if word == "SMTPApiError" and _is_inactive(record):
        return EventType.REJECTED
    return BOUNCES.get(kind) or TYPES.get(word, EventType.UNKNOWN)


def _is_inactive(record: _Record) -> bool:
    """Was the message refused because Postmark suppresses the recipient?"""
    words = f"{text(record.details)} {text(record.message)} {text(record.description)}".lower()
    return whole(record.error_code) == _INACTIVE or "inactive" in words or "suppress" in words


def _time(record: _Record) -> int:
    times = (record.delivered_at, record.bounced_at, record.received_at, record.changed_at)
    return next((found for value in times if (found := from_rfc3339(value))), 0)


def _hint(word: str, kind: str, record: _Record) -> BounceClass | None:
    """How Postmark itself classes a refusal."""
    if word != "Bounce":
        rule = f"postmark:{text(record.suppression_reason) or word}"
        return bounces.of(BounceReason.SUPPRESSED, confidence=1.0, rule=rule)
    if kind not in REASONS:
        return None
    reason, smtp_class = REASONS[kind]
    confidence = 1.0 if BOUNCES.get(kind) is EventType.REJECTED else 0.6  # nobody but Postmark was asked
    return bounces.of(reason, smtp_class, confidence=confidence, rule=f"postmark:{kind}")
