"""Mandrill's (Mailchimp Transactional's) webhooks: a form whose one field holds a JSON array of events, signed.

Signature: header X-Mandrill-Signature, base64 of HMAC-SHA1 under the webhook's key over its URL, exactly as Mandrill
has it, followed by the form's names and values sorted by name. Nothing in it tells the time, so a captured request
can be sent again; its events have the same ids then. Mandrill checks a new address with HEAD, which the gateway
answers; only where that fails does it post an empty batch signed with the public key "test-webhook". That key proves
nothing, so it is refused like any other wrong one.
Sources: "Webhooks", "Track and respond to email activity with webhooks" (Mailchimp Transactional documentation);
"Message Event Webhook Format", "Sync Event Webhook Format" (Mandrill help centre).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from connectors import bounce_codes, bounces
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import REFUSALS, add, blanks, complete, refuse_body
from connectors.items import Item, ItemLists
from connectors.parts import Header, SortedForm, Url
from connectors.signatures import Hmac
from connectors.values import (
    first_text,
    form,
    from_seconds,
    host_domain,
    json_object,
    mapping,
    text,
    texts,
    whole,
)
from schemas.errors import FailureCode
from schemas.events import BounceClass, BounceReason, EmailEvent, EventType

if TYPE_CHECKING:
    from schemas.config import Source

FIELD = "mandrill_events"
SCHEME = Hmac(
    signature=Header("x-mandrill-signature"), signed=(Url(), SortedForm()), algorithm="sha1", encoding="base64"
)
TYPES: dict[str, EventType] = {
    "send": EventType.SENT,
    "delivered": EventType.DELIVERED,
    "deferral": EventType.DEFERRED,
    "hard_bounce": EventType.BOUNCED,
    "soft_bounce": EventType.BOUNCED,
    "reject": EventType.REJECTED,
    "open": EventType.OPENED,
    "click": EventType.CLICKED,
    "spam": EventType.COMPLAINED,
    "unsub": EventType.UNSUBSCRIBED,
}
_CLASSES = {"hard_bounce": 5, "soft_bounce": 4, "deferral": 4}
# Mandrill's names of bounces; where they say nothing, its number does (`bounce_codes`).
DESCRIPTIONS: dict[str, BounceReason] = {
    "bad_mailbox": BounceReason.INVALID_RECIPIENT,
    "invalid_domain": BounceReason.INVALID_DOMAIN,
    "mailbox_full": BounceReason.MAILBOX_FULL,
}
# Why it did not even try. What is missing here is its rejection list, the usual case.
REJECTS: dict[str, BounceReason] = {
    "invalid": BounceReason.INVALID_RECIPIENT,
    "invalid-sender": BounceReason.POLICY,
    "rule": BounceReason.POLICY,
    "test-mode-limit": BounceReason.POLICY,
    "unsigned": BounceReason.AUTH_FAILURE,
}


class _Message(Item):
    id: str = msgspec.field(default="", name="_id")
    ts: Any = None
    email: str = ""
    sender: Any = None
    subject: Any = None
    subaccount: Any = None
    tags: Any = None
    metadata: Any = None
    diag: Any = None
    bounce_description: Any = None
    bgtools_code: Any = None
    reject: Any = None
    smtp_events: Any = None


class _Event(Item):
    """One event, as far as it is read here; those of a list's changes have `type` and `action` and no message."""

    event: str = ""
    type: str = ""
    action: str = ""
    id: str = msgspec.field(default="", name="_id")
    ts: Any = None
    url: Any = None
    ip: Any = None
    user_agent: Any = None
    user_agent_parsed: Any = None
    reject: Any = None
    msg: _Message | None = None


_EVENTS = ItemLists(_Event)
_NO_MESSAGE = _Message()


class Mandrill:
    """The connector."""

    name = "mandrill"
    # Every batch that is not answered with 200 is tried again, until someone gives it up by hand.
    statuses = StatusPolicy(source="https://mailchimp.com/developer/transactional/docs/webhooks/")

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """HMAC over URL and form, against every webhook key of the source."""
        return SCHEME.verify(request, source)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """The events in the form's field; none in the empty batch of a check."""
        found = next((value for name, value in form(request.body) if name == FIELD), None)
        if found is None:
            return refuse_body(FailureCode.WRONG_SHAPE, f"expected a form with the field {FIELD}", request.body)
        items, result = _EVENTS.read(found.encode(), request.body)
        new = blanks(context, Mandrill.name)
        for item in items:
            event = new()
            _fill(event, item, item.msg or _NO_MESSAGE, context)
            add(result, event)
        return result


def _fill(event: EmailEvent, item: _Event, message: _Message, context: Context) -> None:
    word, metadata = item.event, mapping(message.metadata)
    last, listed = _last_attempt(message.smtp_events), mapping(item.reject)
    event.provider_event_type = word or ".".join(part for part in (item.type, item.action) if part)
    event.event_type = event_type = TYPES.get(word, EventType.UNKNOWN)
    event.occurred_at = from_seconds(item.ts)
    event.recipient = message.email or text(listed.get("email"))
    event.message_id = message.id or item.id
    event.campaign_id = text(metadata.get("campaign_id"))
    event.variant_id = text(metadata.get("variant_id"))
    event.stream = first_text(message.subaccount, listed.get("subaccount"))
    event.tags = texts(message.tags)
    event.metadata = json_object(metadata)
    event.subject = text(message.subject)
    event.sending_ip = text(last.get("source_ip"))
    event.sending_domain = host_domain(message.sender)
    event.smtp_response = first_text(message.diag, last.get("diag"))
    event.remote_mta = text(last.get("destination_ip"))
    event.url = text(item.url)
    event.user_agent = text(item.user_agent)
    event.client_ip = text(item.ip)
    event.sent_at = from_seconds(message.ts)
    is_robot = text(mapping(item.user_agent_parsed).get("type")).lower() == "robot"
    hint = _hint(word, item, message) if event_type in REFUSALS else None
    complete(event, context, hint=hint, is_machine=is_robot, flag="robot")


def _last_attempt(attempts: Any) -> dict[str, Any]:
    """The last of a message's SMTP conversations, empty if none is told."""
    return mapping(attempts[-1]) if type(attempts) is list and attempts else {}


def _hint(word: str, item: _Event, message: _Message) -> BounceClass | None:
    """How Mandrill itself classes a refusal."""
    if word == "reject":
        why = _reject_reason(item.reject) or _reject_reason(message.reject)
        reason = REJECTS.get(why, BounceReason.SUPPRESSED)
        return bounces.of(reason, 5, confidence=1.0, rule=f"mandrill:{why or word}")
    description, code, smtp_class = text(message.bounce_description), whole(message.bgtools_code, 100), _CLASSES[word]
    if known := DESCRIPTIONS.get(description):
        return bounces.of(known, smtp_class, confidence=0.6, rule=f"mandrill:{description}")
    return bounce_codes.hint(code, f"mandrill:{code}", smtp_class)


def _reject_reason(reject: Any) -> str:
    """Why, as text or as the `reason` of an object."""
    return text(reject) or text(mapping(reject).get("reason"))
