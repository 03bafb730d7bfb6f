"""Klaviyo's system webhooks: batches of up to 1,000 events, each a topic with what its Get Event call returns.

Signature: Klaviyo-Signature is hex HMAC-SHA256 of the raw body followed by the Klaviyo-Timestamp header, under the
secret given when the webhook was made. That time is an HTTP date, and has been seen five hours off (local time
labelled GMT), so the source's tolerance must stay above half a day. An event's properties are those of Klaviyo's
metric; the recipient stands among them, in the profile that may be included, or nowhere. Topics of SMS, push, reviews
and shops are passed over.
Sources: "Working with system webhooks", "Webhooks API overview", "Get Event" (Klaviyo developers); "Email metrics
reference" (Klaviyo help center); properties as published examples and exports of its events show them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from connectors import bounces
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import add, blanks, complete, pass_over
from connectors.items import Item, ItemLists
from connectors.parts import Body, Header
from connectors.signatures import Hmac
from connectors.values import first_text, from_rfc3339, from_seconds, json_object, mapping, sequence, text
from schemas.events import BounceClass, BounceReason, EmailEvent, EventType

if TYPE_CHECKING:
    from schemas.config import Source

SIGNED_TIME = Header("klaviyo-timestamp")
SCHEME = Hmac(signature=Header("klaviyo-signature"), signed=(Body(), SIGNED_TIME), timestamp=SIGNED_TIME)
_PREFIX = "event:klaviyo."
TOPICS: dict[str, EventType] = {
    "received_email": EventType.DELIVERED,
    "email_delivered": EventType.DELIVERED,
    "bounced_email": EventType.BOUNCED,
    "dropped_email": EventType.REJECTED,  # suppressed at the service that Klaviyo sends through
    "opened_email": EventType.OPENED,
    "clicked_email": EventType.CLICKED,
    "clicked_email_to_unsubscribe": EventType.CLICKED,  # who then opts out has an event of its own
    "marked_email_as_spam": EventType.COMPLAINED,
    "subscribed_to_email_marketing": EventType.SUBSCRIBED,
    "unsubscribed_from_email_marketing": EventType.UNSUBSCRIBED,
    "unsubscribed": EventType.UNSUBSCRIBED,
}
# "Bounce Type"; Klaviyo passes no reply on.
BOUNCES: dict[str, tuple[BounceReason, int]] = {
    "hard": (BounceReason.INVALID_RECIPIENT, 5),
    "soft": (BounceReason.UNKNOWN, 4),
}
_MACHINE_FLAGS = ("machine_open", "Apple Privacy Open")


class _Attributes(Item):
    timestamp: Any = None
    datetime: Any = None
    properties: Any = msgspec.field(default=None, name="event_properties")


class _Data(Item):
    attributes: _Attributes | None = None
    relationships: Any = None


class _Payload(Item):
    data: _Data | None = None
    included: Any = None


class _Event(Item):
    external_id: str = ""
    topic: str = ""
    payload: _Payload | None = None


_EVENTS = ItemLists(_Event, key="data")


class Klaviyo:
    """The connector."""

    name = "klaviyo"
    # 200, 201 and 202 within 5 s; all else is tried again, and a webhook that fails for 48 hours is switched off.
    statuses = StatusPolicy(slow_body=503, source="https://developers.klaviyo.com/en/docs/working_with_system_webhooks")

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """HMAC over body and timestamp, against every secret of the source."""
        return SCHEME.verify(request, source)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """The events under `data`."""
        new = blanks(context, Klaviyo.name)

        def take(result: ParseResult, item: _Event) -> None:
            word = item.topic.removeprefix(_PREFIX)
            if word in TOPICS or "email" in word or not word:
                event = new()
                _fill(event, word, item, context)
                add(result, event)
            else:
                pass_over(result, item.topic)

        return _EVENTS.parse(request, take)


def _fill(event: EmailEvent, word: str, item: _Event, context: Context) -> None:
    payload = item.payload or _Payload()
    data = payload.data or _Data()
    attributes = data.attributes or _Attributes()
    properties = mapping(attributes.properties)
    internal = mapping(properties.get("$internal"))
    get = properties.get
    event.provider_event_type = word
    event.event_type = TOPICS.get(word, EventType.UNKNOWN)
    event.provider_event_id = item.external_id
    event.occurred_at = from_seconds(attributes.timestamp) or from_rfc3339(attributes.datetime)
    event.recipient = _recipient(properties, payload.included)
    event.message_id = first_text(internal.get("Transmission ID"), get("$message"))
    event.campaign_id = first_text(get("$flow"), get("$message"))
    event.variant_id = text(get("$variation"))
    event.stream = "flow" if get("$flow") else "campaign" if get("$message") else ""
    event.subject = text(get("Subject"))
    event.sending_ip = text(internal.get("Sending Ip Address"))
    event.sending_domain = text(internal.get("Sending Domain"))
    event.url = text(get("URL"))
    event.user_agent = first_text(get("User Agent"), internal.get("User Agent"))
    event.sent_at = from_seconds(text(get("$_cohort$message_send_cohort")).partition(":")[0])
    event.metadata = _metadata(properties, data)
    flag = next((name for name in _MACHINE_FLAGS if get(name) is True), "")
    complete(event, context, hint=_hint(word, text(get("Bounce Type"))), is_machine=bool(flag), flag=flag)


def _recipient(properties: dict[str, Any], included: Any) -> str:
    """The address among the properties, else that of the included profile."""
    profile = next((found for found in map(mapping, sequence(included)) if found.get("type") == "profile"), {})
    return first_text(
        properties.get("Recipient Email Address"),
        properties.get("email_address"),
        mapping(profile.get("attributes")).get("email"),
    )


def _metadata(properties: dict[str, Any], data: _Data) -> str:
    """Whom and what it was about in the sender's account: the profile's id, the names that the sender has given."""
    profile = mapping(mapping(mapping(data.relationships).get("profile")).get("data")).get("id")
    names = {"profile_id": profile, "Campaign Name": properties.get("Campaign Name"), "List": properties.get("List")}
    return json_object({name: value for name, value in names.items() if value})


def _hint(word: str, bounce_type: str) -> BounceClass | None:
    """How Klaviyo itself classes a refusal."""
    if word == "dropped_email":
        return bounces.of(BounceReason.SUPPRESSED, confidence=1.0, rule="klaviyo:dropped_email")
    if word == "bounced_email" and bounce_type.lower() in BOUNCES:
        known, smtp_class = BOUNCES[bounce_type.lower()]
        return bounces.of(known, smtp_class, confidence=0.6, rule=f"klaviyo:{bounce_type}")
    return None
