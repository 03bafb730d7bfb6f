"""Postal's webhooks: one JSON object per request, signed with the installation's RSA key.

Signature: header X-Postal-Signature-256, base64 of RSA PKCS #1 v1.5 with SHA-256 over the raw body. Before version 3.2
Postal only sends X-Postal-Signature, the same with SHA-1; it counts only where the source says `is_sha1_accepted` and
the better one is missing. A secret is the installation's public key, or its set of keys (`/.well-known/jwks.json`).
No time is signed. `uuid` is the same each time an event is sent. A message has one tag, which also is its campaign.
Sources: "Webhook Events & Payloads" (Postal documentation); `app/lib/message_dequeuer`, `app/senders` and
`app/services/webhook_delivery_service.rb` (Postal's source).
"""

from __future__ import annotations

import base64
import binascii
import re
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from connectors import bounces
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import complete
from connectors.item_events import LoneItems
from connectors.items import Item
from connectors.parts import Header
from connectors.rsa_keys import rsa_keys
from connectors.signatures import accept
from connectors.values import from_seconds, host_domain, message_id, text, texts
from schemas.events import BounceClass, BounceReason, EmailEvent, EventType

if TYPE_CHECKING:
    from schemas.config import Source

_BETTER, _WORSE = Header("x-postal-signature-256"), Header("x-postal-signature")
_HASHES: dict[Header, hashes.HashAlgorithm] = {
    _BETTER: hashes.SHA256(),
    _WORSE: hashes.SHA1(),  # noqa: S303 - all that Postal before 3.2 has, and only where the source says so
}
TYPES: dict[str, EventType] = {
    "MessageSent": EventType.DELIVERED,
    "MessageDelayed": EventType.DEFERRED,
    "MessageDeliveryFailed": EventType.BOUNCED,  # unless Postal itself thought it spam
    "MessageHeld": EventType.QUEUED,  # unless the address is on the suppression list
    "MessageBounced": EventType.BOUNCED,
    "MessageLoaded": EventType.OPENED,
    "MessageLinkClicked": EventType.CLICKED,
}
# Postal's own words, in lower case, for what it did not even try, or gave up.
_SUPPRESSED, _SPAM, _EXPIRED = "on the suppression list", "likely spam", "maximum number of delivery attempts"
_INCOMING = "incoming"
_FROM_IP = re.compile(r" \(from ([0-9A-Fa-f.:]{3,45})\)")
_ACCEPTED_BY = re.compile(r"(?:accepted by|sent by SMTP to|when sending to) (\S{1,300})(?: \(([^()\s]{1,300})\))?")


class _Message(Item):
    """A message, as far as it is read here. `from` is the envelope's sender."""

    id: Any = None
    message_id: Any = None
    to: Any = None
    from_: Any = msgspec.field(default=None, name="from")
    subject: Any = None
    timestamp: Any = None
    tag: Any = None
    direction: Any = None


class _Payload(Item):
    """`timestamp` is that of the attempt, the opening or the click. A bounce names two messages, ours and itself."""

    message: _Message | None = None
    original_message: _Message | None = None
    bounce: _Message | None = None
    details: Any = None
    output: Any = None
    timestamp: Any = None
    url: Any = None
    ip_address: Any = None
    user_agent: Any = None


class _Body(Item):
    event: str = ""
    timestamp: Any = None
    uuid: str = ""
    payload: _Payload | None = None


_BODIES = LoneItems(_Body, attrgetter("event"), "`event` and `payload`")


class Postal:
    """The connector."""

    name = "postal"
    # Whatever is no 2xx is tried again.
    statuses = StatusPolicy(source="https://docs.postalserver.io/developer/webhooks")

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """RSA over the body, against every public key of the source."""
        is_worse = source.is_sha1_accepted and not _BETTER.read(request)
        place = _WORSE if is_worse else _BETTER

        def present(request: Request) -> str:
            return "" if place.read(request) else str(place)

        def matches(request: Request, secret: str) -> bool:
            return any(_is_signed(request, key, place) for key in rsa_keys(secret))

        return accept(request, source, present=present, matches=matches, timestamp=None)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """The one event of the body."""
        return _BODIES.parse(request, context, Postal.name, _fill)


def _is_signed(request: Request, key: rsa.RSAPublicKey, place: Header) -> bool:
    try:
        signature = base64.b64decode(place.read(request), validate=True)
        key.verify(signature, request.body, padding.PKCS1v15(), _HASHES[place])
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def _fill(event: EmailEvent, body: _Body, context: Context) -> None:
    payload = body.payload or _Payload()
    message = payload.original_message or payload.message or _Message()
    details, tags = text(payload.details), texts(message.tag)
    event.event_type = event_type = _type(body.event, message, details)
    event.provider_event_id = body.uuid
    event.provider_event_type = body.event
    bounced_at = payload.bounce.timestamp if payload.bounce else None
    event.occurred_at = from_seconds(payload.timestamp) or from_seconds(bounced_at) or from_seconds(body.timestamp)
    event.sent_at = from_seconds(message.timestamp)
    event.recipient = text(message.to)
    event.message_id = text(message.id)
    event.smtp_message_id = message_id(message.message_id)
    event.campaign_id = next(iter(tags), "")
    event.tags = tags
    event.subject = text(message.subject)
    event.sending_domain = host_domain(message.from_)
    event.smtp_response = text(payload.output).strip() or details
    event.sending_ip, event.remote_mta = _way(details)
    event.url = text(payload.url)
    event.user_agent = text(payload.user_agent)
    event.client_ip = text(payload.ip_address)
    complete(event, context, hint=_hint(body.event, event_type, details.lower()))


def _type(word: str, message: _Message, details: str) -> EventType:
    if text(message.direction) == _INCOMING:  # mail that Postal took in for a route; nobody was mailed
        return EventType.UNKNOWN
    if word == "MessageHeld" and _SUPPRESSED in details.lower():
        return EventType.REJECTED
    if word == "MessageDeliveryFailed" and _SPAM in details.lower():
        return EventType.REJECTED
    return TYPES.get(word, EventType.UNKNOWN)


def _way(details: str) -> tuple[str, str]:
    """(our address, the receiving server) as far as the details of an attempt name them."""
    ours, theirs = _FROM_IP.search(details), _ACCEPTED_BY.search(details)
    return ours[1] if ours else "", (theirs[2] or theirs[1]).rstrip(".") if theirs else ""


def _hint(word: str, event_type: EventType, details: str) -> BounceClass | None:
    """How Postal itself classes a refusal."""
    if event_type is EventType.REJECTED and word == "MessageHeld":
        return bounces.of(BounceReason.SUPPRESSED, confidence=1.0, rule="postal:suppression_list")
    if event_type is EventType.REJECTED:
        return bounces.of(BounceReason.SPAM_CONTENT, 5, confidence=0.9, rule="postal:spam")
    if event_type not in {EventType.BOUNCED, EventType.DEFERRED}:
        return None
    if _EXPIRED in details:
        return bounces.of(BounceReason.EXPIRED, confidence=0.9, rule="postal:attempts")
    smtp_class = 4 if event_type is EventType.DEFERRED else 5
    return bounces.of(BounceReason.UNKNOWN, smtp_class, confidence=0.3, rule=f"postal:{word}")
