"""Iterable's system webhooks: one event a request, for messages of every channel.

Iterable signs nothing; the webhook's settings give it an Authorization header (Basic or bearer), or the secret stands
in the URL as `token`. Names of mail events begin with `email`; push, SMS, in-app messages and the like are passed over.
There is no id of the event: `messageId` names one message to one recipient, which has many events.
Sources: "System Webhooks" (Iterable support center); the export schemas of its events for fields and their types.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from connectors import bounces
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import add, blanks, complete, pass_over
from connectors.item_events import LoneItems
from connectors.items import Item
from connectors.parts import Query
from connectors.signatures import AnyOf, SharedSecret, Token
from connectors.values import from_rfc3339, json_object, mapping, text, texts
from schemas.events import BounceClass, BounceReason, EmailEvent, EventType

if TYPE_CHECKING:
    from schemas.config import Source

SCHEME = AnyOf((SharedSecret(), Token(Query("token"))))
TYPES: dict[str, EventType] = {
    "emailSend": EventType.SENT,
    "emailSendSkip": EventType.REJECTED,
    "emailBounce": EventType.BOUNCED,
    "emailOpen": EventType.OPENED,
    "emailClick": EventType.CLICKED,
    "hostedUnsubscribeClick": EventType.CLICKED,  # leads to the page; who opts out there is an emailUnSubscribe
    "emailComplaint": EventType.COMPLAINED,
    "emailSubscribe": EventType.SUBSCRIBED,
    "emailUnSubscribe": EventType.UNSUBSCRIBED,
}
# `recipientState` of a bounce; Iterable passes no reply on.
BOUNCES: dict[str, tuple[BounceReason, int]] = {
    "HardBounce": (BounceReason.INVALID_RECIPIENT, 5),
    "SoftBounce": (BounceReason.UNKNOWN, 4),
}
_OPTED_OUT = ("unsub", "suppress", "bounce", "complain")  # in the reason of a skip: nobody may mail this address


class _Fields(Item):
    email: Any = None
    created_at: Any = msgspec.field(default=None, name="createdAt")
    message_id: Any = msgspec.field(default=None, name="messageId")
    campaign_id: Any = msgspec.field(default=None, name="campaignId")
    campaign_name: Any = msgspec.field(default=None, name="campaignName")
    experiment_id: Any = msgspec.field(default=None, name="experimentId")
    template_name: Any = msgspec.field(default=None, name="templateName")
    workflow_name: Any = msgspec.field(default=None, name="workflowName")
    channel_id: Any = msgspec.field(default=None, name="channelId")
    labels: Any = None
    subject: Any = msgspec.field(default=None, name="emailSubject")
    recipient_state: Any = msgspec.field(default=None, name="recipientState")
    reason: Any = None
    url: Any = None
    link_url: Any = msgspec.field(default=None, name="linkUrl")
    ip: Any = None
    user_agent: Any = msgspec.field(default=None, name="userAgent")
    transactional: Any = msgspec.field(default=None, name="transactionalData")


class _Body(Item):
    event_name: str = msgspec.field(default="", name="eventName")
    email: Any = None
    user_id: Any = msgspec.field(default=None, name="userId")
    fields: _Fields | None = msgspec.field(default=None, name="dataFields")


_BODIES = LoneItems(_Body, attrgetter("event_name"), "`eventName`")


class Iterable:
    """The connector."""

    name = "iterable"
    # The page promises tries after failures but does not say after which statuses; none of these is final anywhere.
    statuses = StatusPolicy(
        slow_body=503, source="https://support.iterable.com/hc/en-us/articles/208013936-System-Webhooks"
    )

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """Credentials in the Authorization header, or the token in the URL."""
        return SCHEME.verify(request, source)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """The one event, if it is about mail."""
        body = _BODIES.read(request.body)
        if isinstance(body, ParseResult):
            return body
        word = body.event_name
        result = ParseResult()
        if word in TYPES or word.startswith("email"):
            event = blanks(context, Iterable.name)()
            _fill(event, body, body.fields or _Fields(), context)
            add(result, event)
        else:
            pass_over(result, word)
        return result


def _fill(event: EmailEvent, body: _Body, fields: _Fields, context: Context) -> None:
    event.provider_event_type = word = body.event_name
    event.event_type = TYPES.get(word, EventType.UNKNOWN)
    event.occurred_at = _time(fields.created_at)
    event.recipient = text(body.email) or text(fields.email)
    event.message_id = text(fields.message_id)
    event.campaign_id = text(fields.campaign_id)
    event.variant_id = text(fields.experiment_id)
    event.stream = text(fields.channel_id)
    event.tags = texts(fields.labels)
    event.subject = text(fields.subject)
    event.url = text(fields.url) or text(fields.link_url)
    event.client_ip = text(fields.ip)
    event.user_agent = text(fields.user_agent)
    event.metadata = _metadata(body, fields)
    if word == "emailSendSkip":
        event.smtp_response = text(fields.reason)
    complete(event, context, hint=_hint(word, text(fields.recipient_state), text(fields.reason)))


def _time(value: Any) -> int:
    """ "2016-12-02 20:21:04 +00:00" as milliseconds: RFC 3339 but for the space before the offset."""
    return from_rfc3339(text(value).replace(" +", "+").replace(" -", "-"))


def _metadata(body: _Body, fields: _Fields) -> str:
    """The sender's own data of the message, and the names that the sender has given."""
    names = {
        "userId": body.user_id,
        "campaignName": fields.campaign_name,
        "templateName": fields.template_name,
        "workflowName": fields.workflow_name,
    }
    return json_object(mapping(fields.transactional) | {name: value for name, value in names.items() if value})


def _hint(word: str, state: str, reason: str) -> BounceClass | None:
    """How Iterable itself classes a refusal."""
    if word == "emailSendSkip":
        is_suppressed = any(part in reason.lower() for part in _OPTED_OUT)
        known, weight = (BounceReason.SUPPRESSED, 1.0) if is_suppressed else (BounceReason.POLICY, 0.6)
        return bounces.of(known, 5, confidence=weight, rule=f"iterable:{reason or word}")
    if word == "emailBounce" and state in BOUNCES:
        known, smtp_class = BOUNCES[state]
        return bounces.of(known, smtp_class, confidence=0.6, rule=f"iterable:{state}")
    return None
