"""Resend's webhooks: one JSON object per request, signed as Svix does.

Signature: headers svix-id, svix-timestamp and svix-signature, Standard Webhooks under another prefix; the secret is
the `whsec_...` text of the webhook. svix-id is the id of the event and stays the same when it is sent again.
An email to several addresses has events of its own for each of them, and none says whose it is: all carry the same
`to`. Such an event keeps its recipient empty, unless the receiving server's reply names one of them.
Sources: "Event Types" and the page of each event, "Email Bounces", "Retries and Replays", "Verify Webhooks Requests"
(Resend documentation).
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from connectors import bounces
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import blanks, complete
from connectors.item_events import LoneItems
from connectors.items import Item
from connectors.ses_events import BOUNCE_HINTS, SUPPRESSED
from connectors.signatures import standard_webhooks
from connectors.values import first_text, from_rfc3339, host_domain, json_object, mapping, message_id, text, texts
from schemas.events import BounceClass, BounceReason, EmailEvent, EventType
from schemas.identity import normalise_address

if TYPE_CHECKING:
    from schemas.config import Source

SCHEME = standard_webhooks("svix")
TYPES: dict[str, EventType] = {
    "email.scheduled": EventType.QUEUED,
    "email.sent": EventType.SENT,
    "email.delivered": EventType.DELIVERED,
    "email.delivery_delayed": EventType.DEFERRED,
    "email.bounced": EventType.BOUNCED,  # unless the address was suppressed and nobody was asked
    "email.suppressed": EventType.REJECTED,
    "email.failed": EventType.FAILED,
    "email.opened": EventType.OPENED,
    "email.clicked": EventType.CLICKED,
    "email.complained": EventType.COMPLAINED,
}
BOUNCE_TYPES = {"Permanent": 5, "Transient": 4, "Temporary": 4}  # and "Undetermined"


class _Bounce(Item):
    type: str = ""
    sub_type: str = msgspec.field(default="", name="subType")
    message: str = ""
    diagnostics: Any = msgspec.field(default=None, name="diagnosticCode")


class _Click(Item):
    ip: str = msgspec.field(default="", name="ipAddress")
    link: str = ""
    timestamp: str = ""
    user_agent: str = msgspec.field(default="", name="userAgent")


class _Suppressed(Item):
    type: str = ""
    message: str = ""


class _Failed(Item):
    reason: str = ""


class _Data(Item):
    """What the event is about, as far as it is read here; `email` is a contact's or a suppression's."""

    email_id: str = ""
    created_at: str = ""
    broadcast_id: Any = None
    message_id: str = ""
    from_: str = msgspec.field(default="", name="from")
    to: Any = None
    cc: Any = None
    bcc: Any = None
    subject: str = ""
    tags: Any = None
    email: str = ""
    bounce: _Bounce = msgspec.field(default_factory=_Bounce)
    click: _Click = msgspec.field(default_factory=_Click)
    suppressed: _Suppressed = msgspec.field(default_factory=_Suppressed)
    failed: _Failed = msgspec.field(default_factory=_Failed)


class _Body(Item):
    type: str = ""
    created_at: str = ""
    data: _Data = msgspec.field(default_factory=_Data)


_BODIES = LoneItems(_Body, attrgetter("type"), "`type` and `data`")


class Resend:
    """The connector."""

    name = "resend"
    # Whatever is no 2xx is tried again, so a mistyped secret can still be mended.
    statuses = StatusPolicy(source="https://resend.com/docs/webhooks/retries-and-replays")

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """HMAC over id, timestamp and body, against every secret of the source."""
        return SCHEME.verify(request, source)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """The one event of the body; its id is in the headers."""
        body = _BODIES.read(request.body)
        if isinstance(body, ParseResult):
            return body
        event = blanks(context, Resend.name)()
        event.provider_event_id = request.headers.get("svix-id", "")
        _fill(event, body, context)
        return ParseResult(events=[event])


def _fill(event: EmailEvent, body: _Body, context: Context) -> None:
    word, data, tags = body.type, body.data, _tags(body.data.tags)
    event.event_type = event_type = _type(word, data.bounce)
    event.provider_event_type = word
    event.occurred_at = from_rfc3339(data.click.timestamp) or from_rfc3339(body.created_at)
    event.message_id = data.email_id
    event.smtp_message_id = message_id(data.message_id)
    event.campaign_id = first_text(tags.get("campaign_id"), tags.get("campaign"), data.broadcast_id)
    event.variant_id = first_text(tags.get("variant_id"), tags.get("variant"))
    event.metadata = json_object(tags)
    event.subject = data.subject
    event.sending_domain = host_domain(data.from_)
    event.smtp_response = _reply(data)
    event.recipient = _recipient(data, event.smtp_response)
    event.url = data.click.link
    event.user_agent = data.click.user_agent
    event.client_ip = data.click.ip
    if word in TYPES and event_type is not EventType.QUEUED:
        event.sent_at = from_rfc3339(data.created_at)
    complete(event, context, hint=_hint(word, event_type, data))


def _type(word: str, bounce: _Bounce) -> EventType:
    if word == "email.bounced" and bounce.sub_type in SUPPRESSED:
        return EventType.REJECTED
    return TYPES.get(word, EventType.UNKNOWN)


def _tags(value: Any) -> dict[str, Any]:
    """The sender's tags by name: sent as an object, earlier as a list of objects with `name` and `value`."""
    if type(value) is list:
        return {text(mapping(tag).get("name")): mapping(tag).get("value") for tag in value}
    return mapping(value)


def _reply(data: _Data) -> str:
    """The receiving server's reply without DSN's "smtp; ", else what Resend says in its place."""
    words = next(iter(texts(data.bounce.diagnostics)), "")
    kind, separator, rest = words.partition(";")
    reply = rest.strip() if separator and kind.strip().lower() == "smtp" else words
    return reply or data.bounce.message or data.suppressed.message or data.failed.reason


def _recipient(data: _Data, reply: str) -> str:
    """Whom the event concerns, "" where several could be meant."""
    addresses = texts(data.to) or texts(data.email)
    if len(addresses) == 1 and not texts(data.cc) and not texts(data.bcc):
        return addresses[0]
    named = [address for address in addresses if normalise_address(address) in reply.lower()]
    return named[0] if len(named) == 1 else ""


def _hint(word: str, event_type: EventType, data: _Data) -> BounceClass | None:
    """How Resend itself classes a refusal; its bounce types and subtypes are those of Amazon SES."""
    major, minor = data.bounce.type, data.bounce.sub_type
    if event_type is EventType.REJECTED:
        rule = f"resend:{minor or data.suppressed.type or word}"
        return bounces.of(BounceReason.SUPPRESSED, confidence=1.0, rule=rule)
    if event_type is EventType.DEFERRED:
        return bounces.of(BounceReason.UNKNOWN, 4, confidence=0.3, rule=f"resend:{word}")
    smtp_class = BOUNCE_TYPES.get(major)
    if event_type is not EventType.BOUNCED or smtp_class is None:
        return None
    known = BOUNCE_HINTS.get(("Permanent" if smtp_class == 5 else "Transient", minor))
    confidence = 0.6 if known else 0.3
    return bounces.of(known or BounceReason.UNKNOWN, smtp_class, confidence=confidence, rule=f"resend:{major}/{minor}")
