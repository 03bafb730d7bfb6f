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

from connectors import bounces
from connectors.base import Context, ParseResult
from connectors.canonical import add, complete, refuse_item
from connectors.values import (
    decode,
    first_text,
    from_rfc3339,
    host_domain,
    json_object,
    mapping,
    message_id,
    sequence,
    text,
    texts,
)
from schemas.events import BounceClass, BounceReason, EmailEvent, EventType

PROVIDER = "ses"
MARKS = frozenset({"eventType", "notificationType", "mail"})  # one of them is there if an object is an SES event
_CAMPAIGN_TAGS = ("campaign_id", "campaign-id", "campaign", "Campaign", "CampaignId")
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


@dataclass(frozen=True, slots=True)
class Kind:
    """One type of SES event: under which key its object stands and which list names its recipients.

    `recipients` "" means the mail's own destinations. `event_type` may depend on the object.
    """

    event_type: Callable[[dict[str, Any]], EventType]
    key: str
    recipients: str = ""


def _always(event_type: EventType) -> Callable[[dict[str, Any]], EventType]:
    return lambda _: event_type


def _bounce_type(bounce: dict[str, Any]) -> EventType:
    return EventType.REJECTED if text(bounce.get("bounceSubType")) in SUPPRESSED else EventType.BOUNCED


def _complaint_type(complaint: dict[str, Any]) -> EventType:
    return EventType.REJECTED if text(complaint.get("complaintSubType")) in SUPPRESSED else EventType.COMPLAINED


def _subscription_type(subscription: dict[str, Any]) -> EventType:
    """Opting out of anything counts as unsubscribing; otherwise the person opted in."""
    new, old = mapping(subscription.get("newTopicPreferences")), mapping(subscription.get("oldTopicPreferences"))
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
    "Bounce": Kind(_bounce_type, "bounce", "bouncedRecipients"),
    "Complaint": Kind(_complaint_type, "complaint", "complainedRecipients"),
    "Reject": Kind(_always(EventType.REJECTED), "reject"),
    "Open": Kind(_always(EventType.OPENED), "open"),
    "Click": Kind(_always(EventType.CLICKED), "click"),
    "Rendering Failure": Kind(_always(EventType.FAILED), "failure"),
    "DeliveryDelay": Kind(_always(EventType.DEFERRED), "deliveryDelay", "delayedRecipients"),
    "Subscription": Kind(_subscription_type, "subscription"),
}
_UNKNOWN = Kind(_always(EventType.UNKNOWN), "detail")
_READER_KEYS = frozenset({"open", "click"})
_SENDING_KEYS = frozenset({"send", "reject", "failure"})  # these happen as the mail is sent and carry no time


def add_events(result: ParseResult, data: dict[str, Any], context: Context) -> None:
    """Add an event for each recipient whom the SES event `data` concerns, and a failure for what is no recipient."""
    word = first_text(data.get("eventType"), data.get("notificationType"))
    kind = KINDS.get(word, _UNKNOWN)
    thing = mapping(data.get(kind.key))
    mail = mapping(data.get("mail"))
    for recipient in _recipients(thing, mail, kind):
        if isinstance(recipient, str | dict):
            add(result, _event(word, kind, thing, mail, recipient, context))
        else:
            place = len(result.events) + len(result.failures)
            refuse_item(result, place, recipient, f"expected a recipient, found {type(recipient).__name__}")


def _recipients(thing: dict[str, Any], mail: dict[str, Any], kind: Kind) -> list[Any]:
    """Those concerned; one unknown recipient where SES names none, or several could be meant."""
    named = thing.get(kind.recipients) if kind.recipients else None
    if type(named) is list and named:
        return named
    destinations = texts(mail.get("destination"))
    if kind.key in _READER_KEYS and len(destinations) > 1:
        return [""]  # one of them opened; counting it for each would invent readers
    return list(destinations) or [""]


def _event(
    word: str,
    kind: Kind,
    thing: dict[str, Any],
    mail: dict[str, Any],
    recipient: str | dict[str, Any],
    context: Context,
) -> EmailEvent:
    who = mapping(recipient)
    address = text(who.get("emailAddress")) if who else text(recipient)
    feedback_id = text(thing.get("feedbackId"))
    event_type = kind.event_type(thing)
    common, tags = mapping(mail.get("commonHeaders")), mapping(mail.get("tags"))
    event = EmailEvent(
        event_id="",
        tenant=context.tenant,
        source=context.source,
        provider=PROVIDER,
        event_type=event_type,
        occurred_at=_sent_at(mail) if kind.key in _SENDING_KEYS else from_rfc3339(thing.get("timestamp")),
        received_at=context.received_at,
        provider_event_id=f"{feedback_id}|{address.lower()}" if feedback_id else "",
        provider_event_type=word,
        recipient=address,
        message_id=text(mail.get("messageId")),
        smtp_message_id=message_id(common.get("messageId")),
        campaign_id=first_text(*(_tag(tags, name) for name in _CAMPAIGN_TAGS)),
        variant_id=first_text(_tag(tags, "variant_id"), _tag(tags, "variant")),
        stream=_tag(tags, "ses:configuration-set"),
        tags=_header_values(mail, "x-tag"),
        metadata=_metadata(mail, tags),
        subject=text(common.get("subject")),
        sending_ip=_tag(tags, "ses:outgoing-ip"),
        ip_pool=_tag(tags, "ses:dedicated-ip-pool"),
        sending_domain=_tag(tags, "ses:from-domain").lower() or _from_domain(common, mail),
        enhanced_status=bounces.codes_in(text(who.get("status")))[1],
        smtp_response=_response(thing, who),
        remote_mta=text(thing.get("remoteMtaIp")),
        url=text(thing.get("link")),
        user_agent=text(thing.get("userAgent")) if kind.key in _READER_KEYS else "",
        client_ip=text(thing.get("ipAddress")),
        complaint_type=text(thing.get("complaintFeedbackType")),
        sent_at=_sent_at(mail),
    )
    complete(event, context, hint=_hint(event_type, kind, thing))
    return event


def _sent_at(mail: dict[str, Any]) -> int:
    return from_rfc3339(mail.get("timestamp"))


def _tag(tags: dict[str, Any], name: str) -> str:
    """A message tag's first value; SES sends each as a list."""
    return next(iter(texts(tags.get(name))), "")


def _metadata(mail: dict[str, Any], tags: dict[str, Any]) -> str:
    """The sender's own tags (those in SES's name space have fields of their own), and the object in X-Metadata."""
    own: dict[str, Any] = {}
    for value in _header_values(mail, "x-metadata"):
        try:
            own.update(mapping(decode(value.encode())))
        except ValueError:
            continue  # a header of somebody else's meaning
    own.update({name: _tag(tags, name) for name in tags if not name.startswith("ses:")})
    return json_object(own)


def _header_values(mail: dict[str, Any], name: str) -> list[str]:
    headers = (mapping(header) for header in sequence(mail.get("headers")))
    return [text(h.get("value")) for h in headers if text(h.get("name")).lower() == name and text(h.get("value"))]


def _from_domain(common: dict[str, Any], mail: dict[str, Any]) -> str:
    return host_domain(next(iter(texts(common.get("from"))), "")) or host_domain(mail.get("source"))


def _response(thing: dict[str, Any], who: dict[str, Any]) -> str:
    """The reply, or what SES says in its place, without DSN's "smtp; "."""
    words = first_text(
        who.get("diagnosticCode"), thing.get("smtpResponse"), thing.get("reason"), thing.get("errorMessage")
    )
    kind, separator, rest = words.partition(";")
    return rest.strip() if separator and kind.strip().lower() == "smtp" else words


def _hint(event_type: EventType, kind: Kind, thing: dict[str, Any]) -> BounceClass | None:
    """How SES itself classes a refusal."""
    if kind.key == "reject":
        return bounces.of(BounceReason.CONTENT_REJECTED, confidence=0.8, rule="ses:Reject")
    if kind.key in {"bounce", "complaint"} and event_type is EventType.REJECTED:
        sub_type = first_text(thing.get("bounceSubType"), thing.get("complaintSubType"))
        return bounces.of(BounceReason.SUPPRESSED, confidence=1.0, rule=f"ses:{sub_type}")
    if kind.key == "deliveryDelay":
        word = text(thing.get("delayType"))
        reason = _DELAY_HINTS.get(word)
        return bounces.of(reason, 4, confidence=0.7, rule=f"ses:{word}") if reason else None
    major, minor = text(thing.get("bounceType")), text(thing.get("bounceSubType"))
    reason = BOUNCE_HINTS.get((major, minor))
    if reason is None:
        return None
    smtp_class = 5 if major == "Permanent" else 4
    return bounces.of(reason, smtp_class, confidence=0.6, rule=f"ses:{major}/{minor}")
