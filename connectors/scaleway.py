"""Scaleway Transactional Email's webhooks: one event per message of a Topics and Events topic, which speaks SNS.

Signature: that of `connectors.sns`, always version 1 (RSA with SHA-1), with certificates from Scaleway's own address.
Scaleway says not to trust a certificate for its address: it must come from its certificate authority, whose trust
chain, one per region, is what a source has for secrets. `id` is unique per event. `email_sent_at` is when the
receiving server took the mail. Custom `X-` headers of the mail come along: `X-Campaign-Id` is the campaign, `X-Tag` a
tag, the others are metadata.
Sources: "Understanding webhook events", "Verifying webhook signatures" (Scaleway documentation).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

from connectors import bounces, sns
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import REFUSALS, blanks, complete, refuse_body
from connectors.items import Item, ItemReader
from connectors.values import (
    first_text,
    from_rfc3339,
    host_domain,
    json_object,
    message_id,
    sequence,
    smtp_code,
    text,
    texts,
    whole,
)
from schemas.errors import FailureCode
from schemas.events import BounceClass, BounceReason, EmailEvent, EventType

if TYPE_CHECKING:
    from schemas.config import Source

SERVICE = sns.Service(
    name="Scaleway Topics and Events",
    certificate_url=re.compile(
        r"https://messaging\.s3\.fr-par\.scw\.cloud(?:/[A-Za-z0-9_-]{1,100}){1,6}(?:\.[A-Za-z0-9_-]{1,100}){0,3}\.pem"
    ),
    subscribe_url=re.compile(r"https://sns\.mnq\.[a-z]{2}-[a-z]{3}\.scaleway\.com/\?[\x21-\x7e]{1,2000}"),
    has_issuers=True,
)
TYPES: dict[str, EventType] = {
    "email_queued": EventType.QUEUED,
    "email_delivered": EventType.DELIVERED,
    "email_deferred": EventType.DEFERRED,
    "email_dropped": EventType.BOUNCED,
    "email_mailbox_not_found": EventType.BOUNCED,
    "email_spam": EventType.REJECTED,  # by Scaleway, unless a receiving server's reply says that it was there
    "email_blocklisted": EventType.REJECTED,
}
# What each type says by itself; only used where the reply says nothing clear.
_HINTS: dict[str, tuple[BounceReason, float]] = {
    "email_mailbox_not_found": (BounceReason.INVALID_RECIPIENT, 0.8),
    "email_spam": (BounceReason.SPAM_CONTENT, 0.6),
    "email_blocklisted": (BounceReason.SUPPRESSED, 1.0),
}
_OWN_HEADERS = frozenset({"x-campaign-id", "x-campaign", "x-variant-id"})
_MOST_ATTEMPTS = 10_000
_LONGEST_WAIT_S = 7 * 86_400
_HANDSHAKES = frozenset({sns.SUBSCRIPTION_CONFIRMATION, sns.UNSUBSCRIBE_CONFIRMATION})


class _Event(Item):
    """One event of a mail, as far as it is read here."""

    id: Any = None
    type: Any = None
    created_at: Any = None
    email_id: Any = None
    email_to: Any = None
    email_from: Any = None
    email_headers: Any = None
    email_response_code: Any = None
    email_response_message: Any = None
    email_error: Any = None
    email_try_count: Any = None
    email_queued_at: Any = None
    email_next_try: Any = None
    blocklist_reason: Any = None
    domain_name: Any = None


class _Posted(_Event):
    """An SNS message with an event inside, or an event by itself."""

    message_type: Any = msgspec.field(default=None, name="Type")
    message: Any = msgspec.field(default=UNSET, name="Message")


_EVENTS, _POSTED = ItemReader(_Event), ItemReader(_Posted)


class Scaleway:
    """The connector."""

    name = "scaleway"
    # When Topics and Events tries again is not documented; Amazon's SNS takes 4xx as final.
    statuses = StatusPolicy(
        slow_body=503,
        source="https://www.scaleway.com/en/docs/topics-and-events/reference-content/verifying-webhooks/",
    )

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """Topic allow-list, SNS signature, issuer of the certificate, subscription handshake."""
        return sns.verify(request, source, certificates, SERVICE)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """The one event of the message. Subscription handshakes hold none."""
        try:
            posted = _POSTED.read(request.body)
            if text(posted.message_type) in _HANDSHAKES:
                return ParseResult()
            data = posted if posted.message is UNSET else _EVENTS.read(text(posted.message).encode())
        except ValueError as error:
            return refuse_body(FailureCode.NOT_JSON, f"no JSON, or an SNS message without any: {error}", request.body)
        if not text(data.type):
            return refuse_body(FailureCode.WRONG_SHAPE, "no Scaleway event inside: it has no `type`", request.body)
        event = blanks(context, Scaleway.name)()
        _fill(event, data, context)
        return ParseResult(events=[event])


def _fill(event: EmailEvent, data: _Event, context: Context) -> None:
    word, (headers, tags, own) = text(data.type), _headers(data.email_headers)
    header = headers.get
    event.smtp_code = smtp_code(data.email_response_code)
    event.event_type = event_type = _type(word, event.smtp_code)
    event.occurred_at = from_rfc3339(data.created_at)
    event.provider_event_id = text(data.id)
    event.provider_event_type = word
    event.recipient = next(iter(texts(data.email_to)), "")
    event.message_id = text(data.email_id)
    event.smtp_message_id = message_id(header("message-id"))
    event.campaign_id = header("x-campaign-id") or header("x-campaign", "")
    event.variant_id = header("x-variant-id", "")
    event.tags = tags
    event.metadata = json_object(own)
    event.subject = header("subject", "")
    event.sending_domain = text(data.domain_name).lower() or host_domain(data.email_from)
    event.smtp_response = first_text(data.email_response_message, data.email_error, data.blocklist_reason)
    event.attempt = whole(data.email_try_count, _MOST_ATTEMPTS)
    event.sent_at = from_rfc3339(data.email_queued_at)
    complete(event, context, hint=_hint(word, event_type))
    if event_type is EventType.DEFERRED and (next_at := from_rfc3339(data.email_next_try)):
        wait = whole((next_at - event.occurred_at) // 1000, _LONGEST_WAIT_S)
        event.bounce_retry_after_s = event.bounce_retry_after_s or wait


def _headers(value: Any) -> tuple[dict[str, str], list[str], dict[str, str]]:
    """The mail's headers that came along: the first of each name in lower case, all tags, the sender's own.

    `value`: a list of objects with `key` and `value`.
    """
    known: dict[str, str] = {}
    tags: list[str] = []
    own: dict[str, str] = {}
    for header in sequence(value):
        if type(header) is dict:
            name, said = text(header.get("key")).lower(), text(header.get("value"))
            if name == "x-tag":
                tags.append(said)
            elif name.startswith("x-") and name not in _OWN_HEADERS:
                own.setdefault(name, said)
            else:
                known.setdefault(name, said)
    return known, tags, own


def _type(word: str, code: int) -> EventType:
    if word == "email_spam" and code >= 400:
        return EventType.BOUNCED
    return TYPES.get(word, EventType.UNKNOWN)


def _hint(word: str, event_type: EventType) -> BounceClass | None:
    """How Scaleway itself classes a refusal."""
    if event_type not in REFUSALS:
        return None
    reason, confidence = _HINTS.get(word, (BounceReason.UNKNOWN, 0.3))
    smtp_class = 4 if event_type is EventType.DEFERRED else 5
    return bounces.of(reason, smtp_class, confidence=confidence, rule=f"scaleway:{word}")
