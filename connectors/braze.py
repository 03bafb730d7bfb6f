"""Braze Currents through its custom HTTP connector: batches of events of every channel.

Braze signs nothing; the token entered for the connector comes as a bearer token. Events stand under `events`, each
with `event_type`, `id`, `time`, `user` and `properties`; the flat form of its files, with the properties beside the
id, is read too. Types of mail events begin with `users.messages.email.`; changes of a subscription count where their
channel is email; everything else is passed over. A soft bounce is final: Braze has tried for up to 72 hours, and
tells of each vain attempt by a Deferral.
Sources: "Custom Currents export", "Message engagement events" (glossary, up to version 12), "Partner Custom Currents
Connector" (shape, authentication, statuses) (Braze documentation).
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from connectors import bounces
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import add, blanks, complete, pass_over
from connectors.items import Item, ItemLists
from connectors.signatures import SharedSecret
from connectors.values import decode, first_text, from_seconds, json_object, mapping, text, texts, whole
from schemas.events import BounceClass, BounceReason, EmailEvent, EventType

if TYPE_CHECKING:
    from schemas.config import Source

SCHEME = SharedSecret()
_MOST_ATTEMPTS = 10_000
_MAIL = "users.messages.email."
_SUBSCRIPTIONS = frozenset({
    "users.behaviors.subscription.GlobalStateChange", "users.behaviors.subscriptiongroup.StateChange",
})  # fmt: skip
TYPES: dict[str, EventType] = {
    "Send": EventType.SENT,
    "Delivery": EventType.DELIVERED,
    "Deferral": EventType.DEFERRED,
    "Bounce": EventType.BOUNCED,  # unless `is_drop`
    "SoftBounce": EventType.BOUNCED,
    "Abort": EventType.REJECTED,  # quiet hours, frequency caps, the template's own decision
    "Open": EventType.OPENED,
    "Click": EventType.CLICKED,
    "MarkAsSpam": EventType.COMPLAINED,
    "Unsubscribe": EventType.UNSUBSCRIBED,
}
STATES: dict[str, EventType] = {
    "Subscribed": EventType.SUBSCRIBED,
    "Opted In": EventType.SUBSCRIBED,
    "Unsubscribed": EventType.UNSUBSCRIBED,
}


class _Properties(Item):
    """What is read of an event, as far as Braze knows it; unknown values may be null."""

    email_address: Any = None
    external_user_id: Any = None
    campaign_id: Any = None
    campaign_name: Any = None
    message_variation_id: Any = None
    canvas_id: Any = None
    canvas_name: Any = None
    canvas_variation_id: Any = None
    dispatch_id: Any = None
    send_id: Any = None
    message_extras: Any = None
    sending_ip: Any = None
    ip_pool: Any = None
    from_domain: Any = None
    bounce_reason: Any = None
    deferral_reason: Any = None
    is_drop: Any = None
    abort_type: Any = None
    abort_log: Any = None
    attempt_count: Any = None
    url: Any = None
    user_agent: Any = None
    machine_open: Any = None
    is_suspected_bot_click: Any = None
    suspected_bot_click_reason: Any = None
    channel: Any = None
    subscription_status: Any = None
    send_time: Any = None


class _Event(_Properties):
    event_type: str = ""
    id: str = ""
    time: Any = None
    user: Any = None
    properties: _Properties | None = None


_EVENTS = ItemLists(_Event, key="events")


class Braze:
    """The connector."""

    name = "braze"
    # 429 and 5xx come again, 401 and 403 halt the connector until it is mended; 400 and others lose events.
    statuses = StatusPolicy(
        slow_body=503, source="https://www.braze.com/docs/partners/isv_partners/currents_integration/"
    )

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """The bearer token, against every secret of the source."""
        return SCHEME.verify(request, source)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """The events under `events`."""
        new = blanks(context, Braze.name)

        def take(result: ParseResult, item: _Event) -> None:
            about = item.properties or item
            if _is_mail(item.event_type, about):
                event = new()
                _fill(event, item, about, context)
                add(result, event)
            else:
                pass_over(result, item.event_type)

        return _EVENTS.parse(request, take)


def _is_mail(kind: str, about: _Properties) -> bool:
    if kind in _SUBSCRIPTIONS:
        return text(about.channel) == "email"
    return kind.startswith(_MAIL) or not kind


def _fill(event: EmailEvent, item: _Event, about: _Properties, context: Context) -> None:
    user = mapping(item.user)
    word = item.event_type.removeprefix(_MAIL)
    event.provider_event_type = word
    event.event_type = _type(word, about)
    event.provider_event_id = item.id
    event.occurred_at = from_seconds(item.time)
    event.recipient = first_text(about.email_address, user.get("email_address"))
    event.message_id = first_text(about.dispatch_id, about.send_id)
    event.campaign_id = first_text(about.campaign_id, about.canvas_id)
    event.variant_id = first_text(about.message_variation_id, about.canvas_variation_id)
    event.stream = "campaign" if about.campaign_id else "canvas" if about.canvas_id else ""
    event.metadata = _metadata(about, user)
    event.sending_ip = text(about.sending_ip)
    event.ip_pool = text(about.ip_pool)
    event.sending_domain = text(about.from_domain).lower()
    event.smtp_response = first_text(about.bounce_reason, about.deferral_reason, about.abort_log)
    event.attempt = whole(about.attempt_count, _MOST_ATTEMPTS)
    event.url = text(about.url)
    event.user_agent = text(about.user_agent)
    event.sent_at = from_seconds(about.send_time)
    flag = _machine_flag(about)
    complete(event, context, hint=_hint(word, event.event_type, about), is_machine=bool(flag), flag=flag)


def _type(word: str, about: _Properties) -> EventType:
    if word == "Bounce" and about.is_drop is True:
        return EventType.REJECTED
    if word == "users.behaviors.subscription.GlobalStateChange":
        return STATES.get(text(about.subscription_status), EventType.UNKNOWN)
    return TYPES.get(word, EventType.UNKNOWN)


def _metadata(about: _Properties, user: dict[str, Any]) -> str:
    """The sender's message extras (JSON text), its id of the person, and the names that it has given."""
    extras: dict[str, Any] = {}
    if written := text(about.message_extras):
        with contextlib.suppress(ValueError):
            extras = mapping(decode(written.encode()))
    names = {
        "external_user_id": first_text(user.get("external_user_id"), about.external_user_id),
        "campaign_name": about.campaign_name,
        "canvas_name": about.canvas_name,
    }
    return json_object(extras | {name: value for name, value in names.items() if value})


def _machine_flag(about: _Properties) -> str:
    """Braze's word for software that opened ("true", or whose it was) or clicked; "" for a person."""
    opened = text(about.machine_open) or ("true" if about.machine_open is True else "")
    if opened and opened.lower() != "false":
        return "machine_open" if opened.lower() == "true" else opened
    reasons = texts(about.suspected_bot_click_reason)
    if reasons or about.is_suspected_bot_click is True:
        return next(iter(reasons), "is_suspected_bot_click")
    return ""


def _hint(word: str, event_type: EventType, about: _Properties) -> BounceClass | None:
    """How Braze itself classes a refusal."""
    if word == "Abort":
        return bounces.of(BounceReason.POLICY, 5, confidence=1.0, rule=f"braze:{text(about.abort_type) or word}")
    if word == "Bounce" and event_type is EventType.REJECTED:
        return bounces.of(BounceReason.SUPPRESSED, confidence=1.0, rule="braze:is_drop")
    if word == "Bounce":
        return bounces.of(BounceReason.INVALID_RECIPIENT, 5, confidence=0.6, rule="braze:Bounce")
    if word == "SoftBounce":
        return bounces.of(BounceReason.UNKNOWN, 4, confidence=0.6, rule="braze:SoftBounce")
    return None
