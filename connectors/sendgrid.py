"""Twilio SendGrid's Event Webhook: batches of flat objects, signed with ECDSA.

Signature: header X-Twilio-Email-Event-Webhook-Signature, base64 of a DER ECDSA P-256 signature with
SHA-256 over the timestamp header's text followed by the raw body; the verification key SendGrid shows
is a base64 SubjectPublicKeyInfo and is what `secrets:` holds. Unique arguments are merged into the top
level of each event, so every key that is not SendGrid's own is the sender's metadata. `ip` is the
sending IP on delivery events and the reader's on engagement events.
Sources: Event Webhook Reference; Event Webhook Security Features (Twilio documentation).
"""

from __future__ import annotations

import base64
import binascii
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key
from msgspec import UNSET

from connectors import bounces
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import REFUSALS, complete
from connectors.items import FlatItems, Item
from connectors.parts import Header
from connectors.signatures import accept
from connectors.values import (
    from_seconds,
    host_domain,
    mapping,
    message_id,
    text,
    texts,
    whole,
)
from schemas.events import BounceClass, BounceReason, EmailEvent, EventType
from schemas.memo import Memo

if TYPE_CHECKING:
    from schemas.config import Source

SIGNATURE = Header("x-twilio-email-event-webhook-signature")
TIMESTAMP = Header("x-twilio-email-event-webhook-timestamp")
_SCHEME = ec.ECDSA(hashes.SHA256())
_CACHED_KEYS = 256  # one or two per source
_CACHED_DOMAINS = 4096
_LONGEST_DOMAIN = 320  # characters of an address: what is longer is not remembered
_MOST_ATTEMPTS = 10_000  # SendGrid gives up after 72 hours; more than this is no attempt count

TYPES: dict[str, EventType] = {
    "processed": EventType.QUEUED,
    "deferred": EventType.DEFERRED,
    "delivered": EventType.DELIVERED,
    "bounce": EventType.BOUNCED,
    "dropped": EventType.REJECTED,
    "open": EventType.OPENED,
    "click": EventType.CLICKED,
    "spamreport": EventType.COMPLAINED,
    "unsubscribe": EventType.UNSUBSCRIBED,
    "group_unsubscribe": EventType.UNSUBSCRIBED,
    "group_resubscribe": EventType.SUBSCRIBED,
}
_UNKNOWN, _BOUNCED, _REJECTED = EventType.UNKNOWN, EventType.BOUNCED, EventType.REJECTED
READER_EVENTS = frozenset({"open", "click", "spamreport", "unsubscribe", "group_unsubscribe", "group_resubscribe"})
# SendGrid's own classes of a bounce; only used where the reply itself says nothing clear.
CLASSIFICATIONS: dict[str, BounceReason] = {
    "invalid address": BounceReason.INVALID_RECIPIENT,
    "mailbox unavailable": BounceReason.INACTIVE_MAILBOX,
    "content": BounceReason.SPAM_CONTENT,
    "reputation": BounceReason.BLOCKED_IP,
    "frequency or volume too high": BounceReason.RATE_LIMITED,
    "technical": BounceReason.SYSTEM_ERROR,
    "technical failure": BounceReason.SYSTEM_ERROR,
    "expired": BounceReason.EXPIRED,
    "blocked": BounceReason.POLICY,
    # "dropped" has a reason of its own instead
    "spam content (if spam checker app is enabled)": BounceReason.SPAM_CONTENT,
    "recipient list over package quota": BounceReason.POLICY,
    "invalid smtpapi header": BounceReason.PROTOCOL_ERROR,
}
KNOWN_KEYS = frozenset({
    "email", "timestamp", "event", "smtp-id", "useragent", "ip", "sg_event_id", "sg_message_id", "sg_user_id",
    "reason", "status", "response", "tls", "url", "url_offset", "urloffset", "attempt", "category", "type", "pool",
    "asm_group_id", "marketing_campaign_id", "marketing_campaign_name", "marketing_campaign_version",
    "marketing_campaign_split_id", "singlesend_id", "singlesend_name", "mc_stats", "mc_pod_id", "mc_auto_id",
    "mc_auto_name", "phase_id", "cert_err", "cert_error", "newsletter", "post_type", "sg_machine_open",
    "sg_content_type", "bounce_classification", "send_at", "template_id", "template_version_id", "sg_template_id",
    "sg_template_name", "nlvx_campaign_id", "nlvx_campaign_split_id", "nlvx_user_id", "subject", "domain", "from",
})  # fmt: skip


class _Item(Item):
    """One event, as far as it is read here; the usual keys in their usual order."""

    email: str = ""
    timestamp: Any = None
    smtp_id: str = msgspec.field(default="", name="smtp-id")
    event: str = ""
    category: Any = None
    sg_event_id: str = ""
    sg_message_id: str = ""
    useragent: str = ""
    ip: str = ""
    url: str = ""
    response: str = ""
    attempt: Any = None
    reason: str = ""
    status: str = ""
    type: str = ""
    bounce_classification: str = ""
    sg_machine_open: Any = None
    pool: Any = None
    subject: str = ""
    marketing_campaign_id: Any = None
    marketing_campaign_version: Any = None
    singlesend_id: Any = None
    from_: Any = msgspec.field(default=UNSET, name="from")  # SendGrid's own in deferrals
    # Arguments that senders name so: theirs, and metadata too.
    campaign_id: Any = UNSET
    variant_id: Any = UNSET
    from_domain: Any = UNSET


_ITEMS = FlatItems(_Item, KNOWN_KEYS)


class SendGrid:
    """The connector."""

    name = "sendgrid"
    statuses = StatusPolicy(source="https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event")

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """ECDSA over timestamp and body, against every public key of the source."""
        return accept(request, source, present=_missing, matches=_matches, timestamp=TIMESTAMP)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """An array of events; a lone object counts as an array of one."""
        return _ITEMS.parse(request, context, SendGrid.name, _fill)


def _missing(request: Request) -> str:
    return next((str(header) for header in (SIGNATURE, TIMESTAMP) if not header.read(request)), "")


def _matches(request: Request, secret: str) -> bool:
    key = _public_key(secret)
    if key is None:
        return False
    try:
        signature = base64.b64decode(SIGNATURE.read(request), validate=True)
        key.verify(signature, TIMESTAMP.read(request) + request.body, _SCHEME)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


@lru_cache(maxsize=_CACHED_KEYS)
def _public_key(secret: str) -> ec.EllipticCurvePublicKey | None:
    """The key of a base64 SubjectPublicKeyInfo, also with PEM's lines around it; None if it is none."""
    encoded = "".join(line for line in secret.split() if "-" not in line and line != "PUBLIC")
    try:
        key = load_der_public_key(base64.b64decode(encoded, validate=True))
    except (ValueError, binascii.Error):
        return None
    return key if isinstance(key, ec.EllipticCurvePublicKey) else None


def _fill(event: EmailEvent, item: _Item, context: Context) -> None:
    event.provider_event_type = kind = item.event
    event.event_type = event_type = TYPES.get(kind, _UNKNOWN)
    event.occurred_at = from_seconds(item.timestamp)
    event.provider_event_id = item.sg_event_id
    event.recipient = item.email
    event.message_id = item.sg_message_id
    event.smtp_message_id = message_id(item.smtp_id)
    event.campaign_id = text(item.campaign_id) or text(item.marketing_campaign_id) or text(item.singlesend_id)
    if item.variant_id or item.marketing_campaign_version:
        event.variant_id = text(item.variant_id) or text(item.marketing_campaign_version)
    event.tags = texts(item.category)
    event.subject = item.subject
    if item.pool:
        event.ip_pool = text(mapping(item.pool).get("name")) or text(item.pool)
    event.sending_domain = _sending_domain(item, event.smtp_message_id)
    event.smtp_response = item.response or item.reason
    event.url = item.url
    event.user_agent = item.useragent
    if item.status:
        event.enhanced_status = bounces.codes_in(item.status)[1]
    if item.attempt is not None:
        event.attempt = whole(item.attempt, _MOST_ATTEMPTS)
    if kind in READER_EVENTS:
        event.client_ip = item.ip
    else:
        event.sending_ip = item.ip
    hint = _hint(item, event_type) if event_type in REFUSALS else None
    complete(event, context, hint=hint, is_machine=item.sg_machine_open is True, flag="sg_machine_open")


def _sending_domain(item: _Item, smtp_message_id: str) -> str:
    """The sender's domain where the event gives it away: an argument of that name, or its own Message-ID."""
    if given := text(item.from_domain) or text(item.from_):
        return _given_domains[given]
    domain = host_domain(smtp_message_id)
    return "" if domain.endswith(("sendgrid.net", "sendgrid.com")) else domain


_given_domains: Memo[str, str] = Memo(
    lambda given: host_domain(given) or given.lower(), _CACHED_DOMAINS, lambda given, _: len(given) <= _LONGEST_DOMAIN
)


def _hint(item: _Item, event_type: EventType) -> BounceClass | None:
    """How SendGrid itself classes a refusal."""
    if event_type is _BOUNCED:
        words = (item.bounce_classification.lower(), item.type.lower())
    elif event_type is _REJECTED:
        words = (item.reason.lower(), "")
    else:
        return None
    for word in words:
        if reason := CLASSIFICATIONS.get(word):
            return bounces.of(reason, confidence=0.7, rule=f"sendgrid:{word}")
    return None
