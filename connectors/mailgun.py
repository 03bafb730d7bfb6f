"""Mailgun's webhooks: one JSON object per request, signed inside the body.

Signature: `signature.signature` is hex HMAC-SHA256 of `signature.timestamp` + `signature.token` under
the HTTP webhook signing key (not the API key). It does not cover the event itself, so a captured
signature can carry a forged event for as long as the source's tolerance; keep that short and use TLS.
Permanent failures with a suppression reason or code were never tried: they are rejected, not bounced.
Sources: "Webhook payloads", "Securing webhooks", "Automatic retries" (Mailgun documentation).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connectors import bounces
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import add, complete, refuse_body
from connectors.signatures import Field, Hmac
from connectors.values import (
    decode,
    first_text,
    from_seconds,
    host_domain,
    json_object,
    mapping,
    message_id,
    smtp_code,
    text,
    texts,
    whole,
)
from schemas.errors import FailureCode
from schemas.events import BounceClass, BounceReason, EmailEvent, EventType

if TYPE_CHECKING:
    from schemas.config import Source

SIGNED_TIME = Field(("signature", "timestamp"))
SCHEME = Hmac(
    signature=Field(("signature", "signature")),
    signed=(SIGNED_TIME, Field(("signature", "token"))),
    timestamp=SIGNED_TIME,
)
_MOST_ATTEMPTS = 10_000
TYPES: dict[str, EventType] = {
    "accepted": EventType.QUEUED,
    "rejected": EventType.REJECTED,
    "delivered": EventType.DELIVERED,
    "failed": EventType.BOUNCED,  # unless `severity` is temporary or the address is suppressed
    "opened": EventType.OPENED,
    "clicked": EventType.CLICKED,
    "unsubscribed": EventType.UNSUBSCRIBED,
    "complained": EventType.COMPLAINED,
}
SUPPRESSED_CODES = frozenset({605, 606, 607, 625})  # bounced before, unsubscribed, complained, not subscribed
# Mailgun's own reasons; only used where the reply itself says nothing clear.
REASONS: dict[str, BounceReason] = {
    "greylisted": BounceReason.GREYLISTED,
    "espblock": BounceReason.POLICY,
    "old": BounceReason.EXPIRED,
    "bounce": BounceReason.INVALID_RECIPIENT,
    "hardfail": BounceReason.INVALID_RECIPIENT,
}


class Mailgun:
    """The connector."""

    name = "mailgun"
    # Only 406 ends Mailgun's retries; a refused request keeps 401, so a mistyped key can still be mended.
    statuses = StatusPolicy(
        source="https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhook-retries"
    )

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:  # noqa: ARG002
        """HMAC over timestamp and token, against every signing key of the source."""
        return SCHEME.verify(request, source)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """The one event under `event-data`."""
        try:
            body = decode(request.body)
        except ValueError as error:
            return refuse_body(FailureCode.NOT_JSON, f"the body is no JSON: {error}", request.body)
        data = mapping(body).get("event-data")
        if type(data) is not dict:
            return refuse_body(FailureCode.WRONG_SHAPE, "expected an object with `event-data`", request.body)
        result = ParseResult()
        add(result, _event(data, context))
        return result


def _event(data: dict[str, Any], context: Context) -> EmailEvent:
    get = data.get
    word, reason = text(get("event")), text(get("reason"))
    status, envelope = mapping(get("delivery-status")), mapping(get("envelope"))
    headers = mapping(mapping(get("message")).get("headers"))
    variables, client = mapping(get("user-variables")), mapping(get("client-info"))
    event_type = _type(word, reason, text(get("severity")), whole(status.get("code")))
    bot = text(client.get("bot"))
    event = EmailEvent(
        event_id="",
        tenant=context.tenant,
        source=context.source,
        provider=Mailgun.name,
        event_type=event_type,
        occurred_at=from_seconds(get("timestamp")),
        received_at=context.received_at,
        provider_event_id=text(get("id")),
        provider_event_type=word,
        recipient=text(get("recipient")),
        message_id=message_id(headers.get("message-id")),
        smtp_message_id=message_id(headers.get("message-id")),
        campaign_id=_campaign(variables, get("campaigns")),
        variant_id=text(variables.get("variant_id")),
        tags=texts(get("tags")),
        metadata=json_object(variables),
        subject=text(headers.get("subject")),
        sending_ip=text(envelope.get("sending-ip")),
        sending_domain=_sending_domain(headers, data, envelope),
        smtp_code=smtp_code(status.get("code")),
        enhanced_status=bounces.codes_in(text(status.get("enhanced-code")))[1],
        smtp_response=_response(status, data),
        remote_mta=text(status.get("mx-host")),
        attempt=whole(status.get("attempt-no"), _MOST_ATTEMPTS),
        url=text(get("url")),
        user_agent=text(client.get("user-agent")),
        client_ip=text(get("ip")),
    )
    complete(event, context, hint=_hint(word, event_type, reason), is_machine=bool(bot), flag=bot)
    if wait := whole(status.get("retry-seconds"), 7 * 86_400):
        event.bounce_retry_after_s = event.bounce_retry_after_s or (wait if event_type is EventType.DEFERRED else 0)
    return event


def _type(word: str, reason: str, severity: str, code: int) -> EventType:
    if word == "failed":
        if reason.startswith("suppress-") or code in SUPPRESSED_CODES:
            return EventType.REJECTED
        if severity == "temporary":
            return EventType.DEFERRED
    return TYPES.get(word, EventType.UNKNOWN)


def _campaign(variables: dict[str, Any], campaigns: Any) -> str:
    """Only what the sender named so: the variable `campaign_id`, else the first of Mailgun's campaigns."""
    if given := text(variables.get("campaign_id")):
        return given
    first = campaigns[0] if type(campaigns) is list and campaigns else ""
    return first_text(mapping(first).get("id"), mapping(first).get("name"), first)


def _sending_domain(headers: dict[str, Any], data: dict[str, Any], envelope: dict[str, Any]) -> str:
    """The From header's domain, else the Mailgun domain, else the envelope sender's."""
    return (
        host_domain(headers.get("from"))
        or text(mapping(data.get("domain")).get("name")).lower()
        or host_domain(envelope.get("sender"))
    )


def _response(status: dict[str, Any], data: dict[str, Any]) -> str:
    reject = mapping(data.get("reject"))
    return first_text(status.get("message"), status.get("description"), reject.get("reason"), reject.get("description"))


def _hint(word: str, event_type: EventType, reason: str) -> BounceClass | None:
    """How Mailgun itself classes a refusal."""
    if event_type is EventType.REJECTED and word == "failed":
        return bounces.of(BounceReason.SUPPRESSED, confidence=1.0, rule=f"mailgun:{reason or 'suppressed'}")
    if event_type is EventType.REJECTED:
        return bounces.of(BounceReason.POLICY, 5, confidence=0.5, rule="mailgun:rejected")
    known = REASONS.get(reason)
    if known is None:
        return None
    smtp_class = 4 if event_type is EventType.DEFERRED else 5
    return bounces.of(known, smtp_class, confidence=0.6, rule=f"mailgun:{reason}")
