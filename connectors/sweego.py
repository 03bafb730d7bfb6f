"""Sweego's webhooks: one flat JSON object per request, signed nearly as Standard Webhooks.

Signature: header webhook-signature, the plain base64 of HMAC-SHA256 over webhook-id, webhook-timestamp and raw
body joined by dots; the key is the secret decoded from base64. What the receiving server answered stands in
`details`, a log line of Sweego's MTA (ZoneMTA), which is also the only place for the sending IP and the MX.
ZoneMTA logs a refusal only when it is final, so a soft bounce is a bounce and no deferral. `headers` holds the
message's own X- headers: those that are not Sweego's are the sender's metadata.
Sources: "Email Payloads", "Email events", "Webhook Signature Validation" (learn.sweego.io).
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from connectors import bounces
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import complete
from connectors.item_events import LoneItems
from connectors.items import Item
from connectors.parts import Body, Fixed, Header
from connectors.signatures import Hmac
from connectors.values import from_rfc3339, json_object, mapping, smtp_code, text, texts
from schemas.events import BounceClass, BounceReason, EmailEvent, EventType

if TYPE_CHECKING:
    from schemas.config import Source

TIMESTAMP = Header("webhook-timestamp")
SCHEME = Hmac(
    signature=Header("webhook-signature"),
    signed=(Header("webhook-id"), Fixed(b"."), TIMESTAMP, Fixed(b"."), Body()),
    encoding="base64",
    timestamp=TIMESTAMP,
    key="base64",
)
TYPES: dict[str, EventType] = {
    "email_sent": EventType.SENT,
    "delivered": EventType.DELIVERED,
    "soft_bounce": EventType.BOUNCED,
    "hard_bounce": EventType.BOUNCED,
    "list_unsub": EventType.UNSUBSCRIBED,
    "complaint": EventType.COMPLAINED,
    "email_opened": EventType.OPENED,
    "email_clicked": EventType.CLICKED,
}
# Only used where the reply itself says nothing clear.
HINTS: dict[str, tuple[BounceReason, int]] = {
    "hard_bounce": (BounceReason.INVALID_RECIPIENT, 5),
    "soft_bounce": (BounceReason.SYSTEM_ERROR, 4),
}
OWN_HEADERS = frozenset({
    "x-mailer", "x-swg-uid", "x-campaign-id", "x-campaign-type", "x-campaign-tags", "x-client-id", "x-client-ip",
    "x-originating-ip", "x-transaction-id",
})  # fmt: skip
_NO_CAMPAIGN = "default"  # what Sweego calls mails that were sent without one


class _Reading(Item):
    """An open or a click."""

    ip_address: str = ""
    url: str = ""
    user_agent: str = ""
    proxy: Any = None


class _Body(Item):
    event_type: str = ""
    timestamp: str = ""
    swg_uid: str = ""
    event_id: str = ""
    channel: str = ""
    headers: Any = None
    campaign_tags: Any = None
    campaign_tag: Any = None  # as the page's schemas spell it, other than its examples
    campaign_type: str = ""
    campaign_id: str = ""
    recipient: str = ""
    domain_from: str = ""
    subject: str = ""
    details: str = ""
    response_code: Any = None
    status: str = ""
    open: _Reading | None = None
    click: _Reading | None = None


_BODIES = LoneItems(_Body, attrgetter("event_type"), "`event_type`")


class Sweego:
    """The connector."""

    name = "sweego"
    statuses = StatusPolicy(source="https://learn.sweego.io/docs/webhooks/setup")  # says nothing about retries

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """HMAC over delivery id, timestamp and body, against every secret of the source."""
        return SCHEME.verify(request, source)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """The one event."""
        return _BODIES.parse(request, context, Sweego.name, _fill)


def _fill(event: EmailEvent, body: _Body, context: Context) -> None:
    word = body.event_type.replace("-", "_")  # `soft-bounce` beside `hard_bounce`
    headers, reading = mapping(body.headers), body.open or body.click or _Reading()
    event.provider_event_type = body.event_type
    event.event_type = TYPES.get(word, EventType.UNKNOWN) if body.channel in {"email", ""} else EventType.UNKNOWN
    event.occurred_at = from_rfc3339(body.timestamp)
    # The documentation's examples repeat one id for different events, so the type goes with it.
    event.provider_event_id = f"{body.event_id}|{word}" if body.event_id else ""
    event.recipient = body.recipient
    event.message_id = body.swg_uid
    event.smtp_message_id = _between(body.details, " id=<", ">")
    event.campaign_id = _campaign(headers, body.campaign_id)
    event.stream = body.campaign_type
    event.tags = texts(body.campaign_tags) or texts(body.campaign_tag)
    event.metadata = json_object({name: headers[name] for name in headers if name.lower() not in OWN_HEADERS})
    event.subject = body.subject
    event.sending_domain = body.domain_from.lower()
    event.sending_ip = _between(body.details, " src=", " ")
    event.remote_mta = _between(body.details, " mx=", "[")
    event.smtp_code = smtp_code(body.response_code)
    event.enhanced_status = bounces.codes_in(body.status)[1]
    event.smtp_response = _reply(body.details)
    event.url = reading.url
    event.user_agent = reading.user_agent
    event.client_ip = reading.ip_address
    complete(event, context, hint=_hint(word), is_machine=reading.proxy is True, flag="proxy")


def _campaign(headers: dict[str, Any], campaign_id: str) -> str:
    """The message's own header says more than `campaign_id`, which may just repeat the type."""
    return next(
        (name for name in (text(headers.get("x-campaign-id")), campaign_id) if name not in {"", _NO_CAMPAIGN}), ""
    )


def _between(line: str, before: str, after: str) -> str:
    """What stands after the first `before` up to the next `after`; "" if either is missing."""
    _, _, rest = line.partition(before)
    found, end, _ = rest.partition(after)
    return found if end else ""


def _reply(details: str) -> str:
    """The reply in round brackets at the end of the log line, after the message's id."""
    _, _, rest = details.partition("> (")
    return rest.strip().removesuffix(")")


def _hint(word: str) -> BounceClass | None:
    """How Sweego itself classes a refusal."""
    if word not in HINTS:
        return None
    reason, smtp_class = HINTS[word]
    return bounces.of(reason, smtp_class, confidence=0.6, rule=f"sweego:{word}")
