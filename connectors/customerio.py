"""Customer.io's reporting webhooks: one event a request, for messages of every channel.

Signature: X-CIO-Signature is hex HMAC-SHA256 of `v0:`, X-CIO-Timestamp (seconds), `:` and the raw body, under the
webhook's signing key. What happened is `metric`, to what is `object_type`: those of `email`, and the subscription of a
`customer`, are mail events here; push, SMS, in-app messages and the like are passed over.
A status outside 200-299 is tried again for a week, and nothing else is sent meanwhile; for some (429 among them) it
waits an hour first, so all that may pass is answered with 503.
Sources: "Reporting Webhooks" (API reference and guide), "Securely verify requests" (Customer.io documentation).
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from connectors import bounces
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import add, blanks, complete, pass_over
from connectors.item_events import LoneItems
from connectors.items import Item
from connectors.parts import Body, Fixed, Header
from connectors.signatures import Hmac
from connectors.values import from_seconds, json_object, text
from schemas.events import BounceClass, BounceReason, EmailEvent, EventType

if TYPE_CHECKING:
    from schemas.config import Source

SIGNED_TIME = Header("x-cio-timestamp")
SCHEME = Hmac(
    signature=Header("x-cio-signature"),
    signed=(Fixed(b"v0:"), SIGNED_TIME, Fixed(b":"), Body()),
    timestamp=SIGNED_TIME,
)
METRICS: dict[str, EventType] = {
    "attempted": EventType.DEFERRED,  # it could not be sent, and will be tried again
    "sent": EventType.SENT,
    "delivered": EventType.DELIVERED,
    "deferred": EventType.DEFERRED,
    "bounced": EventType.BOUNCED,
    "dropped": EventType.REJECTED,  # the address is suppressed
    "undeliverable": EventType.REJECTED,  # a limit on messages, or nothing to send it to
    "failed": EventType.FAILED,
    "opened": EventType.OPENED,
    "clicked": EventType.CLICKED,
    "spammed": EventType.COMPLAINED,
    "unsubscribed": EventType.UNSUBSCRIBED,
    "subscribed": EventType.SUBSCRIBED,
    # "drafted" waits for a person to send it, "converted" is what somebody did in the shop.
}
_MAIL = frozenset({"email", "customer"})
# What a message is part of, by the field that holds its id.
STREAMS: dict[str, str] = {
    "campaign_id": "campaign",
    "broadcast_id": "broadcast",
    "newsletter_id": "newsletter",
    "transactional_message_id": "transactional",
}


class _Data(Item):
    recipient: str = ""
    email_address: str = ""
    delivery_id: str = ""
    subject: str = ""
    href: str = ""
    failure_message: str = ""
    campaign_id: Any = None
    broadcast_id: Any = None
    newsletter_id: Any = None
    transactional_message_id: Any = None
    content_id: Any = None
    customer_id: Any = None
    headers: Any = None


class _Body(Item):
    event_id: str = ""
    object_type: str = ""
    metric: str = ""
    timestamp: Any = None
    data: _Data | None = None


_BODIES = LoneItems(_Body, attrgetter("metric"), "`metric`")


class CustomerIo:
    """The connector."""

    name = "customerio"
    statuses = StatusPolicy(overloaded=503, slow_body=503, source="https://docs.customer.io/integrations/api/webhooks/")

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """HMAC over version, timestamp and body, against every signing key of the source."""
        return SCHEME.verify(request, source)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """The one event, if it is about mail."""
        body = _BODIES.read(request.body)
        if isinstance(body, ParseResult):
            return body
        result = ParseResult()
        if body.object_type in _MAIL:
            event = blanks(context, CustomerIo.name)()
            _fill(event, body, body.data or _Data(), context)
            add(result, event)
        else:
            pass_over(result, f"{body.object_type} {body.metric}")
        return result


def _fill(event: EmailEvent, body: _Body, data: _Data, context: Context) -> None:
    event.event_type = METRICS.get(body.metric, EventType.UNKNOWN)
    event.provider_event_type = body.metric if body.object_type == "email" else f"{body.object_type} {body.metric}"
    event.provider_event_id = body.event_id
    event.occurred_at = from_seconds(body.timestamp)
    event.recipient = data.recipient or data.email_address
    event.message_id = data.delivery_id
    for name, stream in STREAMS.items():
        if found := text(getattr(data, name)):
            event.campaign_id, event.stream = found, stream
            break
    event.variant_id = text(data.content_id)
    event.subject = data.subject
    event.url = data.href
    event.smtp_response = data.failure_message
    own = {"customer_id": data.customer_id, "headers": data.headers}
    event.metadata = json_object({name: value for name, value in own.items() if value})
    complete(event, context, hint=_hint(body.metric))


def _hint(metric: str) -> BounceClass | None:
    """How Customer.io itself classes a refusal."""
    if metric == "dropped":
        return bounces.of(BounceReason.SUPPRESSED, confidence=1.0, rule="customerio:dropped")
    if metric == "undeliverable":
        return bounces.of(BounceReason.POLICY, 5, confidence=1.0, rule="customerio:undeliverable")
    return None
