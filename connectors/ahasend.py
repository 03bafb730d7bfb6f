"""AhaSend's webhooks: one JSON object per request, signed as Standard Webhooks with a key of its own kind.

Signature: headers webhook-id, webhook-timestamp, webhook-signature as in Standard Webhooks, but the key is the
secret as it stands, prefix and all: it is not decoded from base64. `webhook-id` names the delivery and stays the
same in retries; `webhook_id` in the body only names the configured address. `message.failed` says that the
attempts ran out, `message.bounced` that the message was refused or came back.
Sources: "Webhooks", "Webhook Events", "Security", "Retry Policy" (AhaSend documentation).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from connectors import bounces
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import blanks, complete
from connectors.item_events import LoneItems
from connectors.items import Item
from connectors.kumomta import CLASSES
from connectors.signatures import standard_webhooks
from connectors.values import from_rfc3339, host_domain, message_id, smtp_code
from schemas.events import BounceClass, BounceReason, EmailEvent, EventType

if TYPE_CHECKING:
    from schemas.config import Source

SCHEME = standard_webhooks(key="text")
TYPES: dict[str, EventType] = {
    "message.reception": EventType.QUEUED,
    "message.delivered": EventType.DELIVERED,
    "message.transient_error": EventType.DEFERRED,
    "message.failed": EventType.BOUNCED,
    "message.bounced": EventType.BOUNCED,
    "message.suppressed": EventType.REJECTED,
    "message.opened": EventType.OPENED,
    "message.clicked": EventType.CLICKED,
}


class _Attempt(Item):
    classification: str = ""
    smtp_code: Any = None
    enhanced_status_code: str = ""
    response: str = ""
    description: str = ""


class _Data(Item):
    id: str = ""
    from_: str = msgspec.field(default="", name="from")
    recipient: str = ""
    subject: str = ""
    message_id_header: str = ""
    url: str = ""
    user_agent: str = ""
    ip: str = ""
    is_bot: Any = None
    delivery_attempt: _Attempt | None = None
    sending_domain: str = ""  # of a suppression
    domain: str = ""  # of a problem with DNS


class _Body(Item):
    type: str = ""
    timestamp: str = ""
    data: _Data | None = None


_BODIES = LoneItems(_Body, lambda body: body.data is not None, "`data`")


class AhaSend:
    """The connector."""

    name = "ahasend"
    # Whatever is not 2xx is tried again, and a hundred failures in a row switch the webhook off.
    statuses = StatusPolicy(source="https://ahasend.com/docs/api-reference/webhooks/retry-policy")

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """HMAC over delivery id, timestamp and body, against every secret of the source."""
        return SCHEME.verify(request, source)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """The one event."""
        body = _BODIES.read(request.body)
        if isinstance(body, ParseResult):
            return body
        event = blanks(context, AhaSend.name)()
        event.provider_event_id = request.headers.get("webhook-id", "")
        _fill(event, body, body.data or _Data(), context)
        return ParseResult(events=[event])


def _fill(event: EmailEvent, body: _Body, data: _Data, context: Context) -> None:
    attempt = data.delivery_attempt or _Attempt()
    event.provider_event_type = word = body.type
    event.event_type = TYPES.get(word, EventType.UNKNOWN)
    event.occurred_at = from_rfc3339(body.timestamp)
    event.recipient = data.recipient
    event.message_id = data.id
    event.smtp_message_id = message_id(data.message_id_header)
    event.subject = data.subject
    event.sending_domain = host_domain(data.from_) or (data.sending_domain or data.domain).lower()
    event.smtp_code = smtp_code(attempt.smtp_code)
    event.enhanced_status = bounces.codes_in(attempt.enhanced_status_code)[1]
    event.smtp_response = attempt.response or attempt.description
    event.url = data.url
    event.user_agent = data.user_agent
    event.client_ip = data.ip
    hint = _hint(word, event.event_type, attempt.classification)
    complete(event, context, hint=hint, is_machine=data.is_bot is True, flag="is_bot")


def _hint(word: str, event_type: EventType, classification: str) -> BounceClass | None:
    """How AhaSend itself classes a refusal: by KumoMTA's classes, whose names it uses."""
    if word == "message.suppressed":
        return bounces.of(BounceReason.SUPPRESSED, confidence=1.0, rule=f"ahasend:{word}")
    if word == "message.failed":
        return bounces.of(BounceReason.EXPIRED, 5, confidence=0.7, rule=f"ahasend:{word}")
    known = CLASSES.get(classification)
    smtp_class = 4 if event_type is EventType.DEFERRED else 5
    return bounces.of(known, smtp_class, confidence=0.7, rule=f"ahasend:{classification}") if known else None
