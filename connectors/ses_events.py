"""One event of Amazon SES, whichever way it came: event publishing (`eventType`) and feedback (`notificationType`).

It may concern several recipients; each becomes an event of its own, under the time SES gives for the
thing itself and not the time it was published. `connectors.ses` unpacks what is around it.
Source: "Contents of event data that Amazon SES publishes to Amazon SNS", Amazon SES Developer Guide (the
same object goes to Firehose and EventBridge).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from connectors import bounces
from connectors.base import Context, ParseResult
from connectors.canonical import REFUSALS, add, blanks, complete, refuse_item
from connectors.items import Item, ItemReader
from connectors.ses_tags import first, labels_and_documents, metadata, tags_in
from connectors.values import (
    from_rfc3339,
    host_domain,
    mapping,
    message_id,
    sequence,
    text,
    texts,
)
from schemas.events import BounceClass, BounceReason, EmailEvent, EventType

PROVIDER = "ses"
_MISSING = msgspec.Raw()
SUPPRESSED = frozenset({"Suppressed", "OnAccountSuppressionList", "UnsubscribedRecipient"})
# How SES classes a bounce or delay; only used where the reply itself says nothing clear.
BOUNCE_HINTS: dict[tuple[str, str], BounceReason] = {
    ("Permanent", "General"): BounceReason.INVALID_RECIPIENT,
    ("Permanent", "NoEmail"): BounceReason.INVALID_RECIPIENT,
    ("Transient", "MailboxFull"): BounceReason.MAILBOX_FULL,
    ("Transient", "MessageTooLarge"): BounceReason.MESSAGE_TOO_LARGE,
    ("Transient", "ContentRejected"): BounceReason.SPAM_CONTENT,
    ("Transient", "AttachmentRejected"): BounceReason.CONTENT_REJECTED,
    ("Transient", "General"): BounceReason.SYSTEM_ERROR,
}
_DELAY_HINTS: dict[str, BounceReason] = {
    "InternalFailure": BounceReason.SYSTEM_ERROR,
    "General": BounceReason.NETWORK_FAILURE,
    "MailboxFull": BounceReason.MAILBOX_FULL,
    "SpamDetected": BounceReason.SPAM_CONTENT,
    "RecipientServerError": BounceReason.SYSTEM_ERROR,
    "IPFailure": BounceReason.BLOCKED_IP,
    "TransientCommunicationFailure": BounceReason.NETWORK_FAILURE,
    "BYOIPHostNameLookupUnavailable": BounceReason.DNS_FAILURE,
    "SendingDeferral": BounceReason.BLOCKED_IP,
}


class _CommonHeaders(Item):
    message_id: str = msgspec.field(default="", name="messageId")
    from_: Any = msgspec.field(default=None, name="from")
    subject: str = ""


class _Mail(Item):
    timestamp: Any = None
    source: str = ""
    message_id: str = msgspec.field(default="", name="messageId")
    destination: Any = None
    headers: msgspec.Raw = _MISSING
    common: _CommonHeaders = msgspec.field(default_factory=_CommonHeaders, name="commonHeaders")
    tags: msgspec.Raw = _MISSING


class _Thing(Item, rename="camel"):
    """What happened: the object of any type of event, as far as it is read here."""

    timestamp: Any = None
    feedback_id: str = ""
    recipients: Any = None
    bounced_recipients: Any = None
    complained_recipients: Any = None
    delayed_recipients: Any = None
    bounce_type: str = ""
    bounce_sub_type: str = ""
    complaint_sub_type: str = ""
    complaint_feedback_type: str = ""
    delay_type: str = ""
    smtp_response: str = ""
    reason: str = ""
    error_message: str = ""
    remote_mta_ip: str = ""
    link: str = ""
    user_agent: str = ""
    ip_address: str = ""
    new_topic_preferences: Any = None
    old_topic_preferences: Any = None


class SesEvent(Item, rename="camel"):
    """One event, as far as it is read here."""

    event_type: Any = UNSET
    notification_type: Any = UNSET
    mail: _Mail | UnsetType | None = UNSET
    send: _Thing | None = None
    delivery: _Thing | None = None
    bounce: _Thing | None = None
    complaint: _Thing | None = None
    reject: _Thing | None = None
    open: _Thing | None = None
    click: _Thing | None = None
    failure: _Thing | None = None
    delivery_delay: _Thing | None = None
    subscription: _Thing | None = None
    detail: _Thing | None = None


EVENTS = ItemReader(SesEvent)
_NO_MAIL, _NOTHING = _Mail(), _Thing()


@dataclass(frozen=True, slots=True)
class Kind:
    """One type of SES event: in which field its object stands and which list names its recipients.

    `recipients` "" means the mail's own destinations. `event_type` may depend on the object.
    """

    event_type: Callable[[_Thing], EventType]
    key: str
    recipients: str = ""


def _always(event_type: EventType) -> Callable[[_Thing], EventType]:
    return lambda _: event_type


def _bounce_type(bounce: _Thing) -> EventType:
    return EventType.REJECTED if bounce.bounce_sub_type in SUPPRESSED else EventType.BOUNCED


def _complaint_type(complaint: _Thing) -> EventType:
    return EventType.REJECTED if complaint.complaint_sub_type in SUPPRESSED else EventType.COMPLAINED


def _subscription_type(subscription: _Thing) -> EventType:
    """Opting out of anything counts as unsubscribing; otherwise the person opted in."""
    new, old = mapping(subscription.new_topic_preferences), mapping(subscription.old_topic_preferences)
    if new.get("unsubscribeAll") is True:
        return EventType.UNSUBSCRIBED
    before, after = _topics(old), _topics(new)
    changed = {status for topic, status in after.items() if before.get(topic) != status}
    return EventType.UNSUBSCRIBED if "OptOut" in changed else EventType.SUBSCRIBED


def _topics(preferences: dict[str, Any]) -> dict[str, str]:
    entries = (mapping(entry) for entry in sequence(preferences.get("topicSubscriptionStatus")))
    return {text(entry.get("topicName")): text(entry.get("subscriptionStatus")) for entry in entries}


KINDS: dict[str, Kind] = {
    "Send": Kind(_always(EventType.SENT), "send"),
    "Delivery": Kind(_always(EventType.DELIVERED), "delivery", "recipients"),
    "Bounce": Kind(_bounce_type, "bounce", "bounced_recipients"),
    "Complaint": Kind(_complaint_type, "complaint", "complained_recipients"),
    "Reject": Kind(_always(EventType.REJECTED), "reject"),
    "Open": Kind(_always(EventType.OPENED), "open"),
    "Click": Kind(_always(EventType.CLICKED), "click"),
    "Rendering Failure": Kind(_always(EventType.FAILED), "failure"),
    "DeliveryDelay": Kind(_always(EventType.DEFERRED), "delivery_delay", "delayed_recipients"),
    "Subscription": Kind(_subscription_type, "subscription"),
}
_UNKNOWN = Kind(_always(EventType.UNKNOWN), "detail")
_READER_KEYS = frozenset({"open", "click"})
_SENDING_KEYS = frozenset({"send", "reject", "failure"})  # these happen as the mail is sent and carry no time


def is_event(data: SesEvent) -> bool:
    """Whether it is an event of SES at all: it names its type, or has a mail."""
    return not (data.event_type is data.notification_type is data.mail is UNSET)


def add_events(result: ParseResult, data: SesEvent, context: Context) -> None:
    """Add an event for each recipient whom the SES event `data` concerns, and a failure for what is no recipient."""
    word = text(data.event_type) or text(data.notification_type)
    kind = KINDS.get(word, _UNKNOWN)
    thing = getattr(data, kind.key) or _NOTHING
    mail = data.mail or _NO_MAIL
    new = blanks(context, PROVIDER)
    for recipient in _recipients(thing, mail, kind):
        if isinstance(recipient, str | dict):
            event = new()
            _fill(event, word, kind, thing, mail, recipient, context)
            add(result, event)
        else:
            place = len(result.events) + len(result.failures)
            refuse_item(result, place, recipient, f"expected a recipient, found {type(recipient).__name__}")


def _recipients(thing: _Thing, mail: _Mail, kind: Kind) -> list[Any]:
    """Those concerned; one unknown recipient where SES names none, or several could be meant."""
    named = getattr(thing, kind.recipients) if kind.recipients else None
    if type(named) is list and named:
        return named
    destinations = texts(mail.destination)
    if kind.key in _READER_KEYS and len(destinations) > 1:
        return [""]  # one of them opened; counting it for each would invent readers
    return list(destinations) or [""]


def _fill(
    event: EmailEvent,
    word: str,
    kind: Kind,
    thing: _Thing,
    mail: _Mail,
    recipient: str | dict[str, Any],
    context: Context,
) -> None:
    who = mapping(recipient)
    tags = tags_in(mail.tags)
    labels, documents = labels_and_documents(mail.headers)
    event.event_type = event_type = kind.event_type(thing)
    event.sent_at = from_rfc3339(mail.timestamp)
    event.occurred_at = event.sent_at if kind.key in _SENDING_KEYS else from_rfc3339(thing.timestamp)
    event.recipient = address = text(who.get("emailAddress")) if who else text(recipient)
    if thing.feedback_id:
        event.provider_event_id = f"{thing.feedback_id}|{address.lower()}"
    event.provider_event_type = word
    event.message_id = mail.message_id
    event.smtp_message_id = message_id(mail.common.message_id)
    event.campaign_id = tags.campaign_id
    event.variant_id = tags.variant_id
    event.stream = tags.stream
    event.tags = labels
    event.metadata = metadata(documents, tags)
    event.subject = mail.common.subject
    event.sending_ip = tags.sending_ip
    event.ip_pool = tags.ip_pool
    event.sending_domain = tags.from_domain or _from_domain(mail)
    if who:
        event.enhanced_status = bounces.codes_in(text(who.get("status")))[1]
    event.smtp_response = _response(thing, who)
    event.remote_mta = thing.remote_mta_ip
    event.url = thing.link
    if kind.key in _READER_KEYS:
        event.user_agent = thing.user_agent
    event.client_ip = thing.ip_address
    event.complaint_type = thing.complaint_feedback_type
    complete(event, context, hint=_hint(event_type, kind, thing) if event_type in REFUSALS else None)


def _from_domain(mail: _Mail) -> str:
    return host_domain(first(mail.common.from_)) or host_domain(mail.source)


def _response(thing: _Thing, who: dict[str, Any]) -> str:
    """The reply, or what SES says in its place, without DSN's "smtp; "."""
    words = text(who.get("diagnosticCode")) or thing.smtp_response or thing.reason or thing.error_message
    kind, separator, rest = words.partition(";")
    return rest.strip() if separator and kind.strip().lower() == "smtp" else words


def _hint(event_type: EventType, kind: Kind, thing: _Thing) -> BounceClass | None:
    """How SES itself classes a refusal."""
    if kind.key == "reject":
        return bounces.of(BounceReason.CONTENT_REJECTED, confidence=0.8, rule="ses:Reject")
    if kind.key in {"bounce", "complaint"} and event_type is EventType.REJECTED:
        sub_type = thing.bounce_sub_type or thing.complaint_sub_type
        return bounces.of(BounceReason.SUPPRESSED, confidence=1.0, rule=f"ses:{sub_type}")
    if kind.key == "delivery_delay":
        reason = _DELAY_HINTS.get(thing.delay_type)
        return bounces.of(reason, 4, confidence=0.7, rule=f"ses:{thing.delay_type}") if reason else None
    major, minor = thing.bounce_type, thing.bounce_sub_type
    reason = BOUNCE_HINTS.get((major, minor))
    if reason is None:
        return None
    smtp_class = 5 if major == "Permanent" else 4
    return bounces.of(reason, smtp_class, confidence=0.6, rule=f"ses:{major}/{minor}")
