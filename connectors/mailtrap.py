"""Mailtrap's webhooks (Email API/SMTP): batches of flat events, as one object or as JSON Lines.

Signature: header Mailtrap-Signature, hex HMAC-SHA256 of the raw body under the webhook's signing secret. `event_id`
is unique per event. `ip` is the reader's. A soft bounce is tried again by Mailtrap, a suspension too, so both are
deferred; a reject was never tried.
Sources: "Webhooks", "Statuses and Events", "Bounce Categorization" (Mailtrap documentation); its OpenAPI file
`webhooks.openapi.yml`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connectors import bounces
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import REFUSALS, complete, refuse_body
from connectors.item_events import add_each
from connectors.items import Item, ItemReader
from connectors.parts import Body, Header
from connectors.signatures import Hmac
from connectors.values import from_seconds, json_object, mapping, smtp_code, text, texts
from schemas.errors import FailureCode
from schemas.events import BounceClass, BounceReason, EmailEvent, EventType

if TYPE_CHECKING:
    from schemas.config import Source

SCHEME = Hmac(signature=Header("mailtrap-signature"), signed=(Body(),))
TYPES: dict[str, EventType] = {
    "delivery": EventType.DELIVERED,
    "open": EventType.OPENED,
    "click": EventType.CLICKED,
    "unsubscribe": EventType.UNSUBSCRIBED,
    "spam": EventType.COMPLAINED,
    "soft bounce": EventType.DEFERRED,
    "bounce": EventType.BOUNCED,
    "suspension": EventType.DEFERRED,
    "reject": EventType.REJECTED,
}
# Mailtrap's categories; only used where the reply itself says nothing clear.
CATEGORIES: dict[str, BounceReason] = {
    "badrecipient": BounceReason.INVALID_RECIPIENT,
    "overquota": BounceReason.MAILBOX_FULL,
    "dnsfail": BounceReason.DNS_FAILURE,
    "relayfail": BounceReason.RELAY_DENIED,
    "block": BounceReason.POLICY,
    "serverpolicy": BounceReason.POLICY,
    "spam_gmail": BounceReason.POLICY,
    "badsender": BounceReason.BLOCKED_DOMAIN,
    "verifyfail": BounceReason.AUTH_FAILURE,
    "spam": BounceReason.SPAM_CONTENT,
    "content": BounceReason.CONTENT_REJECTED,
    "greylisting": BounceReason.GREYLISTED,
    "timeout": BounceReason.EXPIRED,
    "transientfail": BounceReason.SYSTEM_ERROR,
    "serverfail": BounceReason.SYSTEM_ERROR,
    "generalfail": BounceReason.SYSTEM_ERROR,
}
_SUPPRESSION = "suppression list"  # in the reason of a reject


class _Event(Item):
    """One event, as far as it is read here."""

    event: str = ""
    timestamp: Any = None
    event_id: str = ""
    message_id: str = ""
    email: str = ""
    sending_stream: str = ""
    sending_domain_name: str = ""
    category: Any = None
    custom_variables: Any = None
    reason: str = ""
    response: str = ""
    response_code: Any = None
    bounce_category: str = ""
    ip: str = ""
    user_agent: str = ""
    url: str = ""


class _Body(_Event):
    """A batch; or a single event, which is a JSON Lines body of one line."""

    events: list[_Event] | None = None


_BODIES = ItemReader(_Body)


class Mailtrap:
    """The connector."""

    name = "mailtrap"
    # Whatever is no 200 is tried again.
    statuses = StatusPolicy(source="https://docs.mailtrap.io/email-api-smtp/advanced/webhooks")

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """HMAC over the body, against every secret of the source."""
        return SCHEME.verify(request, source)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """One event per item of `events`, or per line."""
        try:
            body = _BODIES.read(request.body)
        except ValueError as error:
            return _parse_lines(request.body, context, error)
        if body.events is not None:
            return add_each(ParseResult(), body.events, _Event, context, Mailtrap.name, _fill)
        if body.event:
            return add_each(ParseResult(), [body], _Event, context, Mailtrap.name, _fill)
        reason = "expected an object with a list `events`, or one event per line"
        return refuse_body(FailureCode.WRONG_SHAPE, reason, request.body)


def _parse_lines(body: bytes, context: Context, error: ValueError) -> ParseResult:
    """One event per line; without a single readable one the body is no JSON at all."""
    items = [_line(line) for line in filter(None, map(bytes.strip, body.splitlines()))]
    if all(type(item) is str for item in items):
        return refuse_body(FailureCode.NOT_JSON, f"the body is no JSON: {error}", body)
    return add_each(ParseResult(), items, _Event, context, Mailtrap.name, _fill)


def _line(line: bytes) -> Any:
    """The event of a line; what is none stays the text that it is."""
    try:
        found = _BODIES.read(line)
    except ValueError:
        found = _Body()
    return found if found.event else line.decode("utf-8", "replace")


def _fill(event: EmailEvent, item: _Event, context: Context) -> None:
    variables = mapping(item.custom_variables)
    event.event_type = event_type = TYPES.get(item.event, EventType.UNKNOWN)
    event.occurred_at = from_seconds(item.timestamp)
    event.provider_event_id = item.event_id
    event.provider_event_type = item.event
    event.recipient = item.email
    event.message_id = item.message_id
    event.campaign_id = text(variables.get("campaign_id"))
    event.variant_id = text(variables.get("variant_id"))
    event.stream = item.sending_stream
    event.tags = texts(item.category)
    event.metadata = json_object(variables)
    event.sending_domain = item.sending_domain_name.lower()
    event.smtp_code = smtp_code(item.response_code)
    event.smtp_response = item.response or item.reason
    event.url = item.url
    event.user_agent = item.user_agent
    event.client_ip = item.ip
    complete(event, context, hint=_hint(event_type, item) if event_type in REFUSALS else None)


def _hint(event_type: EventType, item: _Event) -> BounceClass | None:
    """How Mailtrap itself classes a refusal."""
    if event_type is EventType.REJECTED and _SUPPRESSION in item.reason.lower():
        return bounces.of(BounceReason.SUPPRESSED, confidence=1.0, rule="mailtrap:suppression_list")
    if item.event in {"reject", "suspension"}:
        smtp_class = 5 if event_type is EventType.REJECTED else 4
        return bounces.of(BounceReason.POLICY, smtp_class, confidence=0.6, rule=f"mailtrap:{item.event}")
    smtp_class = 4 if event_type is EventType.DEFERRED else 5
    known = CATEGORIES.get(item.bounce_category.lower())
    confidence, rule = (0.6, item.bounce_category) if known else (0.3, item.event)
    return bounces.of(known or BounceReason.UNKNOWN, smtp_class, confidence=confidence, rule=f"mailtrap:{rule}")
