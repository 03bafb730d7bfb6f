"""Azure Communication Services: mail events as Azure Event Grid delivers them, in its own schema or as CloudEvents.

Event Grid signs no body, so a secret of ours goes along: as a bearer token in the Authorization header (a delivery
property of the subscription) or in the query of its URL as `access_token`, `code` or `token`. Before it posts events
it makes sure of the address: in the Event Grid schema with a `SubscriptionValidationEvent` whose code must come back,
in the CloudEvents schema with OPTIONS, which the gateway answers.
Sources: "Azure Communication Services - Email events", "Endpoint validation with Event Grid event schema", "Endpoint
validation by using CloudEvents schema", "Custom delivery properties", "Event Grid message delivery and retry" (Azure
documentation); the classes `AcsEmail...EventData` of its SDKs; "HTTP 1.1 Web Hooks for Event Delivery" (CloudEvents).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from connectors import bounces
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import add, blanks, complete, pass_over
from connectors.items import Item, ItemLists
from connectors.parts import Query
from connectors.signatures import AnyOf, SharedSecret, Token
from connectors.values import decode, from_rfc3339, host_domain, mapping, message_id, sequence, text
from schemas.events import BounceClass, BounceReason, EmailEvent, EventType

if TYPE_CHECKING:
    from schemas.config import Source

SCHEME = AnyOf((SharedSecret(), Token(Query("access_token")), Token(Query("code")), Token(Query("token"))))
VALIDATION = "Microsoft.EventGrid.SubscriptionValidationEvent"
_VALIDATION = VALIDATION.encode()
_MAIL = "Microsoft.Communication.Email"  # what types of mail events begin with; others are calls, chats, SMS
_DELIVERY = "Microsoft.Communication.EmailDeliveryReportReceived"
_ENGAGEMENT = "Microsoft.Communication.EmailEngagementTrackingReportReceived"
STATUSES: dict[str, EventType] = {
    "OutForDelivery": EventType.SENT,
    "Delivered": EventType.DELIVERED,
    "Bounced": EventType.BOUNCED,
    "Failed": EventType.BOUNCED,
    "FilteredSpam": EventType.BOUNCED,  # refused as spam
    "Quarantined": EventType.BOUNCED,  # taken, and put where nobody reads it
    "Suppressed": EventType.REJECTED,
    # "Expanded" is the address of a group, whose members have reports of their own.
}
ENGAGEMENTS: dict[str, EventType] = {"view": EventType.OPENED, "click": EventType.CLICKED}
# What a status means; only used where the reply itself says nothing clear.
REASONS: dict[str, BounceReason] = {
    "Bounced": BounceReason.INVALID_RECIPIENT,
    "FilteredSpam": BounceReason.SPAM_CONTENT,
    "Quarantined": BounceReason.SPAM_CONTENT,
}


class _Data(Item):
    """Reports on delivery and on engagement; the documentation writes some names in two ways."""

    sender: str = ""
    recipient: str = ""
    message_id: str = msgspec.field(default="", name="messageId")
    internet_message_id: Any = msgspec.field(default=None, name="internetMessageId")
    status: str = ""
    details: Any = msgspec.field(default=None, name="deliveryStatusDetails")
    attempted_at: Any = msgspec.field(default=None, name="deliveryAttemptTimeStamp")
    attempted: Any = msgspec.field(default=None, name="deliveryAttemptTimestamp")
    acted_at: Any = msgspec.field(default=None, name="userActionTimeStamp")
    acted: Any = msgspec.field(default=None, name="userActionTimestamp")
    engagement: Any = None
    engagement_type: Any = msgspec.field(default=None, name="engagementType")
    engagement_context: Any = msgspec.field(default=None, name="engagementContext")
    user_agent: Any = msgspec.field(default=None, name="userAgent")


class _Event(Item):
    """An event of either schema: `eventType` and `eventTime` are Event Grid's, `type` and `time` CloudEvents'."""

    id: str = ""
    event_type: str = msgspec.field(default="", name="eventType")
    event_time: Any = msgspec.field(default=None, name="eventTime")
    type: str = ""
    time: Any = None
    data: _Data | None = None


_EVENTS = ItemLists(_Event)


class Azure:
    """The connector."""

    name = "azure"
    # 400, 401, 403 and 413 end it; everything else is tried again for a day.
    statuses = StatusPolicy(
        is_preflighted=True, source="https://learn.microsoft.com/en-us/azure/event-grid/delivery-and-retry"
    )

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """The secret in header or query; a validation event gets its code back."""
        verdict = SCHEME.verify(request, source)
        return replace(verdict, reply=_reply(request.body)) if _VALIDATION in request.body else verdict

    def parse(self, request: Request, context: Context) -> ParseResult:
        """An array of Event Grid's events, one CloudEvent, or an array of them."""
        new = blanks(context, Azure.name)

        def take(result: ParseResult, item: _Event) -> None:
            kind = item.event_type or item.type
            if kind.startswith(_MAIL) or not kind:
                event = new()
                _fill(event, kind, item, item.data or _Data(), context)
                add(result, event)
            else:
                pass_over(result, kind)

        return _EVENTS.parse(request, take)


def _reply(body: bytes) -> bytes:
    """The answer that a validation event wants, b"" for other bodies."""
    try:
        events = sequence(decode(body))
    except ValueError:
        return b""
    for event in map(mapping, events):
        code = text(mapping(event.get("data")).get("validationCode"))
        if event.get("eventType") == VALIDATION and code:
            return msgspec.json.encode({"validationResponse": code})
    return b""


def _fill(event: EmailEvent, kind: str, item: _Event, data: _Data, context: Context) -> None:
    engagement = text(data.engagement_type) or text(data.engagement)
    if kind == _DELIVERY:
        event.provider_event_type = data.status or kind
        event.event_type = STATUSES.get(data.status, EventType.UNKNOWN)
        event.occurred_at = from_rfc3339(data.attempted_at) or from_rfc3339(data.attempted)
    elif kind == _ENGAGEMENT:
        event.provider_event_type = engagement or kind
        event.event_type = ENGAGEMENTS.get(engagement.lower(), EventType.UNKNOWN)
        event.occurred_at = from_rfc3339(data.acted_at) or from_rfc3339(data.acted)
        event.user_agent = text(data.user_agent)
        event.url = text(data.engagement_context) if event.event_type is EventType.CLICKED else ""
    else:
        event.provider_event_type = kind
    event.occurred_at = event.occurred_at or from_rfc3339(item.event_time) or from_rfc3339(item.time)
    event.provider_event_id = item.id
    event.recipient = data.recipient
    event.message_id = data.message_id
    event.smtp_message_id = message_id(data.internet_message_id)
    event.sending_domain = host_domain(data.sender)
    details = mapping(data.details)
    event.smtp_response = text(details.get("statusMessage")) or text(data.details)
    event.remote_mta = text(details.get("recipientMailServerHostName"))
    complete(event, context, hint=_hint(data.status))


def _hint(status: str) -> BounceClass | None:
    """How Azure itself classes a refusal."""
    if status == "Suppressed":
        return bounces.of(BounceReason.SUPPRESSED, confidence=1.0, rule="azure:Suppressed")
    known = REASONS.get(status)
    return bounces.of(known, 5, confidence=0.6, rule=f"azure:{status}") if known else None
