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

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from connectors import bounces
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import add, complete, refuse_body, refuse_item
from connectors.signatures import Header, accept
from connectors.values import (
    decode,
    first_text,
    from_seconds,
    host_domain,
    json_object,
    mapping,
    message_id,
    text,
    texts,
    whole,
)
from schemas.errors import FailureCode
from schemas.events import BounceClass, BounceReason, EmailEvent, EventType

if TYPE_CHECKING:
    from schemas.config import Source

SIGNATURE = Header("x-twilio-email-event-webhook-signature")
TIMESTAMP = Header("x-twilio-email-event-webhook-timestamp")
_CACHED_KEYS = 256  # one or two per source
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
    "sg_template_name", "nlvx_campaign_id", "nlvx_campaign_split_id", "nlvx_user_id", "subject",
})  # fmt: skip


class SendGrid:
    """The connector."""

    name = "sendgrid"
    statuses = StatusPolicy(source="https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event")

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:  # noqa: ARG002
        """ECDSA over timestamp and body, against every public key of the source."""
        return accept(request, source, present=_missing, matches=_matches, timestamp=TIMESTAMP)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """An array of events; a lone object counts as an array of one."""
        try:
            batch = decode(request.body)
        except ValueError as error:
            return refuse_body(FailureCode.NOT_JSON, f"the body is no JSON: {error}", request.body)
        if type(batch) is dict:
            batch = [batch]
        if type(batch) is not list:
            reason = f"expected an array of events, found {type(batch).__name__}"
            return refuse_body(FailureCode.WRONG_SHAPE, reason, request.body)
        result = ParseResult()
        for index, item in enumerate(batch):
            if type(item) is dict:
                add(result, _event(item, context))
            else:
                refuse_item(result, index, item, f"expected an event object, found {type(item).__name__}")
        return result


def _missing(request: Request) -> str:
    return next((str(header) for header in (SIGNATURE, TIMESTAMP) if not header.read(request)), "")


def _matches(request: Request, secret: str) -> bool:
    key = _public_key(secret)
    if key is None:
        return False
    try:
        signature = base64.b64decode(SIGNATURE.read(request), validate=True)
        key.verify(signature, TIMESTAMP.read(request) + request.body, ec.ECDSA(hashes.SHA256()))
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


def _event(item: dict[str, Any], context: Context) -> EmailEvent:
    get = item.get
    kind = text(get("event"))
    event_type = TYPES.get(kind, EventType.UNKNOWN)
    is_reader = kind in READER_EVENTS
    ip = text(get("ip"))
    pool = get("pool")
    metadata = {key: value for key, value in item.items() if key not in KNOWN_KEYS}
    event = EmailEvent(
        event_id="",
        tenant=context.tenant,
        source=context.source,
        provider=SendGrid.name,
        event_type=event_type,
        occurred_at=from_seconds(get("timestamp")),
        received_at=context.received_at,
        provider_event_id=text(get("sg_event_id")),
        provider_event_type=kind,
        recipient=text(get("email")),
        message_id=text(get("sg_message_id")),
        smtp_message_id=message_id(get("smtp-id")),
        campaign_id=first_text(get("campaign_id"), get("marketing_campaign_id"), get("singlesend_id")),
        variant_id=first_text(get("variant_id"), get("marketing_campaign_version")),
        tags=texts(get("category")),
        metadata=json_object(metadata),
        subject=text(get("subject")),
        sending_ip="" if is_reader else ip,
        ip_pool=text(mapping(pool).get("name")) or text(pool),
        sending_domain=_sending_domain(item),
        enhanced_status=bounces.codes_in(text(get("status")))[1],
        smtp_response=first_text(get("response"), get("reason")),
        attempt=whole(get("attempt"), _MOST_ATTEMPTS),
        url=text(get("url")),
        user_agent=text(get("useragent")),
        client_ip=ip if is_reader else "",
    )
    is_machine = get("sg_machine_open") is True
    complete(event, context, hint=_hint(item, event_type), is_machine=is_machine, flag="sg_machine_open")
    return event


def _sending_domain(item: dict[str, Any]) -> str:
    """The sender's domain where the event gives it away: an argument of that name, or its own Message-ID."""
    if given := first_text(item.get("from_domain"), item.get("from")):
        return host_domain(given) or given.lower()
    domain = host_domain(message_id(item.get("smtp-id")))
    return "" if domain.endswith(("sendgrid.net", "sendgrid.com")) else domain


def _hint(item: dict[str, Any], event_type: EventType) -> BounceClass | None:
    """How SendGrid itself classes a refusal."""
    if event_type is EventType.BOUNCED:
        words = (text(item.get("bounce_classification")).lower(), text(item.get("type")).lower())
    elif event_type is EventType.REJECTED:
        words = (text(item.get("reason")).lower(), "")
    else:
        return None
    for word in words:
        if reason := CLASSIFICATIONS.get(word):
            return bounces.of(reason, confidence=0.7, rule=f"sendgrid:{word}")
    return None
