"""Lettermint's webhooks: one JSON object per request, with a signature that carries its time.

Signature: header X-Lettermint-Signature, `t=<seconds>,v1=<hex>`, HMAC-SHA256 over that time, a dot and the raw
body; the key is the secret as it stands, `whsec_` and all. `bot` says whether software opened or clicked. A soft
bounce is a temporary failure, so a deferral; `message.created` names all recipients at once and becomes an event for
each.
Sources: "Webhooks: Introduction, Events, Signed webhooks" (docs.lettermint.co); Lettermint's SDKs for Laravel and
Rust for fields that the pages do not show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from connectors import bounces
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import add, blanks, complete
from connectors.item_events import LoneItems
from connectors.items import Item
from connectors.parts import Body, Fixed, Parameter
from connectors.signatures import Hmac
from connectors.values import (
    first_text,
    from_rfc3339,
    host_domain,
    json_object,
    mapping,
    sequence,
    smtp_code,
    text,
    texts,
)
from schemas.events import BounceClass, BounceReason, EmailEvent, EventType

if TYPE_CHECKING:
    from schemas.config import Source

_SIGNATURE = "x-lettermint-signature"
TIMESTAMP = Parameter(_SIGNATURE, "t")
SCHEME = Hmac(signature=Parameter(_SIGNATURE, "v1"), signed=(TIMESTAMP, Fixed(b"."), Body()), timestamp=TIMESTAMP)
PING = "webhook.test"
TYPES: dict[str, EventType] = {
    "message.created": EventType.QUEUED,
    "message.scheduled": EventType.QUEUED,
    "message.sent": EventType.SENT,
    "message.delivered": EventType.DELIVERED,
    "message.soft_bounced": EventType.DEFERRED,
    "message.hard_bounced": EventType.BOUNCED,
    "message.failed": EventType.FAILED,
    "message.suppressed": EventType.REJECTED,
    "message.policy_rejected": EventType.REJECTED,
    "message.spam_complaint": EventType.COMPLAINED,
    "message.opened": EventType.OPENED,
    "message.clicked": EventType.CLICKED,
    "message.unsubscribed": EventType.UNSUBSCRIBED,
    "message.auto_replied": EventType.AUTORESPONDED,
}
# Only used where the reply itself says nothing clear: reason, class, confidence.
HINTS: dict[str, tuple[BounceReason, int, float]] = {
    "message.suppressed": (BounceReason.SUPPRESSED, 5, 1.0),
    "message.policy_rejected": (BounceReason.SPAM_CONTENT, 5, 0.8),
    "message.hard_bounced": (BounceReason.INVALID_RECIPIENT, 5, 0.6),
    "message.soft_bounced": (BounceReason.SYSTEM_ERROR, 4, 0.6),
}
_CAMPAIGN_NAMES = ("campaign_id", "campaign", "X-Campaign-ID")


class _Response(Item):
    status_code: Any = None
    enhanced_status_code: str = ""
    content: str = ""


class _Bot(Item):
    detected: Any = None
    machine: Any = None
    classification: str = ""


class _From(Item):
    email: str = ""


class _Data(Item):
    message_id: str = ""
    recipient: str = ""
    from_: _From = msgspec.field(default_factory=_From, name="from")
    to: Any = None
    cc: Any = None
    bcc: Any = None
    subject: str = ""
    metadata: Any = None
    tag: str = ""
    tags: Any = None
    response: _Response | None = None
    reason: str = ""
    opened_at: str = ""
    clicked_at: str = ""
    unsubscribed_at: str = ""
    destination_url: str = ""
    user_agent: str = ""
    bot: _Bot | None = None
    value: str = ""  # of a suppression


class _Where(Item):
    route_id: str = ""


class _Body(Item):
    id: str = ""
    event: str = ""
    timestamp: str = ""
    created_at: str = ""  # the timestamp's name until 2025
    data: _Data | None = None
    context: _Where = msgspec.field(default_factory=_Where)


_BODIES = LoneItems(_Body, lambda body: body.data is not None and body.event, "`event` and `data`")


class Lettermint:
    """The connector."""

    name = "lettermint"
    # Failed deliveries are tried again with growing waits; the page names no status that ends it.
    statuses = StatusPolicy(source="https://docs.lettermint.co/platform/webhooks/introduction")

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """HMAC over time and body, against every secret of the source."""
        return SCHEME.verify(request, source)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """The event, for each recipient that it names; none for the test delivery of the dashboard."""
        body = _BODIES.read(request.body)
        if isinstance(body, ParseResult):
            return body
        result, new, data = ParseResult(), blanks(context, Lettermint.name), body.data or _Data()
        for recipient in _recipients(data) if body.event != PING else ():
            event = new()
            _fill(event, body, data, recipient, context)
            add(result, event)
        return result


def _recipients(data: _Data) -> list[str]:
    """The one named, else all whom the message was addressed to, each once, else an unknown one."""
    if data.recipient:
        return [data.recipient]
    return list(dict.fromkeys([*texts(data.to), *texts(data.cc), *texts(data.bcc)])) or [_suppressed(data)]


def _suppressed(data: _Data) -> str:
    """The address of an event about the suppression list, which also holds whole domains."""
    return data.value if "@" in data.value else ""


def _fill(event: EmailEvent, body: _Body, data: _Data, recipient: str, context: Context) -> None:
    response, bot = data.response or _Response(), data.bot or _Bot()
    metadata = mapping(data.metadata)
    named = _named_tags(data.tags)
    event.provider_event_id = (
        body.id if recipient == data.recipient or not body.id else f"{body.id}|{recipient.lower()}"
    )
    event.provider_event_type = word = body.event
    event.event_type = TYPES.get(word, EventType.UNKNOWN)
    event.occurred_at = next(filter(None, map(from_rfc3339, _times(body, data))), 0)
    event.recipient = recipient
    event.message_id = data.message_id
    event.campaign_id = first_text(*(found.get(name) for found in (metadata, named) for name in _CAMPAIGN_NAMES))
    event.variant_id = first_text(metadata.get("variant_id"), named.get("variant_id"))
    event.stream = body.context.route_id
    event.tags = texts(data.tag) + [f"{name}:{value}" for name, value in named.items()]
    event.metadata = json_object(metadata)
    event.subject = data.subject
    event.sending_domain = host_domain(data.from_.email)
    event.smtp_code = smtp_code(response.status_code)
    event.enhanced_status = bounces.codes_in(response.enhanced_status_code)[1]
    event.smtp_response = response.content or data.reason
    event.url = data.destination_url
    event.user_agent = data.user_agent
    is_machine = bot.machine is True or bot.detected is True
    complete(event, context, hint=_hint(word), is_machine=is_machine, flag=bot.classification)


def _times(body: _Body, data: _Data) -> tuple[str, ...]:
    """Where the event's time may stand, the nearest to what happened first."""
    return data.opened_at, data.clicked_at, data.unsubscribed_at, body.timestamp, body.created_at


def _named_tags(tags: Any) -> dict[str, str]:
    """The message's tags that have a name and a value."""
    pairs = (mapping(tag) for tag in sequence(tags))
    return {text(pair["name"]): text(pair.get("value")) for pair in pairs if text(pair.get("name"))}


def _hint(word: str) -> BounceClass | None:
    """How Lettermint itself classes a refusal."""
    if word not in HINTS:
        return None
    reason, smtp_class, confidence = HINTS[word]
    return bounces.of(reason, smtp_class, confidence=confidence, rule=f"lettermint:{word}")
