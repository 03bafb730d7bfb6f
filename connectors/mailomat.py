"""Mailomat's webhooks: one JSON object per request, its headers signed but not its body.

Signature: header X-MOM-Webhook-Signature, `sha256=` and hex HMAC-SHA256 of X-MOM-Webhook-Id, -Event and
-Timestamp, joined by dots. It does not cover the body; what can be checked is that the body's type is the one that
was signed. So a captured signature can carry a forged event of that type for as long as the source's tolerance:
keep that short and use TLS. The algorithm named before the signature is required, never followed. What happened
stands twice: in short at the top, with all details under `payload`.
Source: "Webhook", "Webhook security" (Mailomat API documentation, https://api.mailomat.swiss/docs/).
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from connectors import bounces
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import complete
from connectors.item_events import LoneItems
from connectors.items import Item
from connectors.parts import Field, Fixed, Header
from connectors.signatures import Hmac
from connectors.values import from_rfc3339, from_seconds, host_domain, message_id, smtp_code, whole
from schemas.errors import FailureCode, Rejected
from schemas.events import BounceReason, EmailEvent, EventType

if TYPE_CHECKING:
    from schemas.config import Source

EVENT, TIMESTAMP = Header("x-mom-webhook-event"), Header("x-mom-webhook-timestamp")
EVENT_INSIDE = Field(("eventType",))
SCHEME = Hmac(
    signature=Header("x-mom-webhook-signature", prefix="sha256="),
    signed=(Header("x-mom-webhook-id"), Fixed(b"."), EVENT, Fixed(b"."), TIMESTAMP),
    timestamp=TIMESTAMP,
)
_MOST_ATTEMPTS = 10_000
TYPES: dict[str, EventType] = {
    "accepted": EventType.QUEUED,
    "not_accepted": EventType.REJECTED,
    "delivered": EventType.DELIVERED,
    "failure_tmp": EventType.DEFERRED,
    "failure_perm": EventType.BOUNCED,
    "opened": EventType.OPENED,
    "clicked": EventType.CLICKED,
}


class _Local(Item):
    ip: str = ""


class _Remote(Item):
    mx: str = ""


class _Status(Item):
    attempt_nr: Any = msgspec.field(default=None, name="attempt-nr")
    code: Any = None
    enhanced_code: str = msgspec.field(default="", name="enhanced-code")
    message: str = ""
    local: _Local = msgspec.field(default_factory=_Local)
    remote: _Remote = msgspec.field(default_factory=_Remote)


class _Headers(Item):
    from_: str = msgspec.field(default="", name="from")
    subject: str = ""


class _Message(Item):
    headers: _Headers = msgspec.field(default_factory=_Headers)


class _Client(Item):
    ip: str = ""
    user_agent: str = msgspec.field(default="", name="user-agent")


class _Payload(Item):
    timestamp: Any = None
    reason: str = ""
    message: _Message = msgspec.field(default_factory=_Message)
    delivery_status: _Status = msgspec.field(default_factory=_Status, name="delivery-status")
    url: str = ""
    client: _Client = msgspec.field(default_factory=_Client)


class _Body(Item):
    id: str = ""
    event_type: str = msgspec.field(default="", name="eventType")
    occurred_at: str = msgspec.field(default="", name="occurredAt")
    message_uuid: str = msgspec.field(default="", name="messageUuid")
    message_id: str = msgspec.field(default="", name="messageId")
    recipient: str = ""
    payload: _Payload = msgspec.field(default_factory=_Payload)


_BODIES = LoneItems(_Body, attrgetter("event_type"), "`eventType`")


class Mailomat:
    """The connector."""

    name = "mailomat"
    statuses = StatusPolicy(source="https://api.mailomat.swiss/docs/")  # says nothing about retries

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """HMAC over three headers, against every secret of the source; the body's type must be the signed one."""
        verdict = SCHEME.verify(request, source)
        if verdict.secret_index >= 0 and EVENT.read(request) != EVENT_INSIDE.read(request):
            why = f"the signature is for an event {EVENT.read(request)[:50]!r}, and the body holds another"
            raise Rejected(401, FailureCode.BAD_SIGNATURE, f"source {source.name!r}: {why}")
        return verdict

    def parse(self, request: Request, context: Context) -> ParseResult:
        """The one event."""
        return _BODIES.parse(request, context, Mailomat.name, _fill)


def _fill(event: EmailEvent, body: _Body, context: Context) -> None:
    payload, status = body.payload, body.payload.delivery_status
    event.provider_event_id = body.id
    event.provider_event_type = word = body.event_type
    event.event_type = TYPES.get(word, EventType.UNKNOWN)
    event.occurred_at = from_seconds(payload.timestamp) or from_rfc3339(body.occurred_at)  # the first has fractions
    event.recipient = body.recipient
    event.message_id = body.message_uuid
    event.smtp_message_id = message_id(body.message_id)
    event.subject = payload.message.headers.subject
    event.sending_domain = host_domain(payload.message.headers.from_)
    event.sending_ip = status.local.ip
    event.smtp_code = smtp_code(status.code)
    event.enhanced_status = bounces.codes_in(status.enhanced_code)[1]
    event.smtp_response = status.message or payload.reason
    event.remote_mta = status.remote.mx
    event.attempt = whole(status.attempt_nr, _MOST_ATTEMPTS)
    event.url = payload.url
    event.user_agent = payload.client.user_agent
    event.client_ip = payload.client.ip
    is_refused = word == "not_accepted"
    hint = bounces.of(BounceReason.POLICY, 5, confidence=0.5, rule="mailomat:not_accepted") if is_refused else None
    complete(event, context, hint=hint)
