"""Mailgun's webhooks: one JSON object per request (or a form, `connectors.mailgun_legacy`), signed inside the body.

Signature: `signature.signature` is hex HMAC-SHA256 of `signature.timestamp` + `signature.token` under
the HTTP webhook signing key (not the API key); what happens in a subaccount also has
`signature.parent-signature`, the same under the primary account's key, and either may match. Neither covers
the event itself, so a captured signature can carry a forged event for as long as the source's tolerance;
keep that short and use TLS.
Permanent failures with a suppression reason or code were never tried: they are rejected, not bounced.
Sources: "Webhook payloads", "Securing webhooks", "Automatic retries" (Mailgun documentation).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from connectors import bounces, mailgun_legacy
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import blanks, complete, refuse_body
from connectors.items import Item, ItemReader
from connectors.mailgun_legacy import REASONS, SUPPRESSED_CODES
from connectors.parts import Field, Fields, form_fields
from connectors.signatures import Hmac
from connectors.values import (
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
    signature=Fields(("signature",), ("signature", "parent-signature")),
    signed=(SIGNED_TIME, Field(("signature", "token"))),
    timestamp=SIGNED_TIME,
    separator=" ",
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


class _Status(Item):
    code: Any = None
    message: str = ""
    description: str = ""
    enhanced_code: str = msgspec.field(default="", name="enhanced-code")
    mx_host: str = msgspec.field(default="", name="mx-host")
    attempt_no: Any = msgspec.field(default=None, name="attempt-no")
    retry_seconds: Any = msgspec.field(default=None, name="retry-seconds")


class _Envelope(Item):
    sender: str = ""
    sending_ip: str = msgspec.field(default="", name="sending-ip")


class _Headers(Item):
    message_id: str = msgspec.field(default="", name="message-id")
    from_: str = msgspec.field(default="", name="from")
    to: str = ""
    subject: str = ""


class _Message(Item):
    headers: _Headers = msgspec.field(default_factory=_Headers)


class _Client(Item):
    user_agent: str = msgspec.field(default="", name="user-agent")
    bot: str = ""


class _Domain(Item):
    name: str = ""


class _Reject(Item):
    reason: str = ""
    description: str = ""


class _Data(Item):
    """The event itself, as far as it is read here."""

    event: str = ""
    id: str = ""
    timestamp: Any = None
    recipient: str = ""
    tags: Any = None
    campaigns: Any = None
    user_variables: Any = msgspec.field(default=None, name="user-variables")
    message: _Message = msgspec.field(default_factory=_Message)
    envelope: _Envelope = msgspec.field(default_factory=_Envelope)
    delivery_status: _Status = msgspec.field(default_factory=_Status, name="delivery-status")
    client_info: _Client = msgspec.field(default_factory=_Client, name="client-info")
    domain: _Domain = msgspec.field(default_factory=_Domain)
    reject: _Reject = msgspec.field(default_factory=_Reject)
    severity: str = ""
    reason: str = ""
    ip: str = ""
    url: str = ""


class _Body(Item):
    event_data: _Data | None = msgspec.field(default=None, name="event-data")


_BODIES = ItemReader(_Body)


class Mailgun:
    """The connector."""

    name = "mailgun"
    # Only 406 ends Mailgun's retries; a refused request keeps 401, so a mistyped key can still be mended.
    statuses = StatusPolicy(
        source="https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhook-retries"
    )

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """HMAC over timestamp and token, against every signing key of the source."""
        return (mailgun_legacy.SCHEME if _is_form(request) else SCHEME).verify(request, source)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """The one event under `event-data`, or in the form."""
        if _is_form(request):
            return ParseResult(events=[mailgun_legacy.event(form_fields(request), context, Mailgun.name)])
        try:
            data = _BODIES.read(request.body).event_data
        except ValueError as error:
            return refuse_body(FailureCode.NOT_JSON, f"the body is no JSON: {error}", request.body)
        if data is None:
            return refuse_body(FailureCode.WRONG_SHAPE, "expected an object with `event-data`", request.body)
        event = blanks(context, Mailgun.name)()
        _fill(event, data, context)
        return ParseResult(events=[event])


def _is_form(request: Request) -> bool:
    """Whether it is a form with an event in it; JSON may hold "=" and "&" too, but begins otherwise."""
    if request.body[:64].lstrip().startswith((b"{", b"[")):
        return False
    return any(name == "event" for name, _ in form_fields(request))


def _fill(event: EmailEvent, data: _Data, context: Context) -> None:
    word, status, headers = data.event, data.delivery_status, data.message.headers
    variables = mapping(data.user_variables)
    event.event_type = event_type = _type(word, data.reason, data.severity, whole(status.code))
    event.occurred_at = from_seconds(data.timestamp)
    event.provider_event_id = data.id
    event.provider_event_type = word
    event.recipient = data.recipient or (headers.to if headers.to.count("@") == 1 else "")
    event.message_id = event.smtp_message_id = message_id(headers.message_id)
    event.campaign_id = _campaign(variables, data.campaigns)
    event.variant_id = text(variables.get("variant_id"))
    event.tags = texts(data.tags)
    event.metadata = json_object(variables)
    event.subject = headers.subject
    event.sending_ip = data.envelope.sending_ip
    event.sending_domain = _sending_domain(data)
    event.smtp_code = smtp_code(status.code)
    if status.enhanced_code:
        event.enhanced_status = bounces.codes_in(status.enhanced_code)[1]
    event.smtp_response = status.message or status.description or data.reject.reason or data.reject.description
    event.remote_mta = status.mx_host
    event.attempt = whole(status.attempt_no, _MOST_ATTEMPTS)
    event.url = data.url
    event.user_agent = data.client_info.user_agent
    event.client_ip = data.ip
    bot = data.client_info.bot
    complete(event, context, hint=_hint(word, event_type, data.reason), is_machine=bool(bot), flag=bot)
    if wait := whole(status.retry_seconds, 7 * 86_400):
        event.bounce_retry_after_s = event.bounce_retry_after_s or (wait if event_type is EventType.DEFERRED else 0)


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


def _sending_domain(data: _Data) -> str:
    """The From header's domain, else the Mailgun domain, else the envelope sender's."""
    return host_domain(data.message.headers.from_) or data.domain.name.lower() or host_domain(data.envelope.sender)


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
