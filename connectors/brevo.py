"""Brevo's webhooks for transactional and marketing mail: flat JSON objects, single or batched in an array; not signed.

What is checked is what Brevo sends along: a bearer token, or the URL's credentials as Basic authentication. Brevo
drops an event for good at every 4xx but 429 and at every 5xx, so whatever shall be tried again must be answered with
429. `ts_epoch` is the one time that is UTC in fact, in milliseconds (its examples show seconds); there are no event
ids. `sending_ip` is the reader's address when a message is opened or clicked. Opens by mail proxies have words of
their own.
Sources: "Transactional webhooks", "Marketing webhooks", "Batched webhooks", "Secure webhook calls", "Retry mechanism"
(Brevo documentation), and requests captured by others.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from connectors import bounces
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import REFUSALS, add, blanks, complete
from connectors.items import Item, ItemLists
from connectors.signatures import SharedSecret
from connectors.values import (
    decode,
    first_text,
    from_seconds,
    host_domain,
    json_object,
    message_id,
    own_values,
    text,
    texts,
)
from schemas.events import BounceClass, BounceReason, EmailEvent, EventType

if TYPE_CHECKING:
    from schemas.config import Source

SCHEME = SharedSecret()
CUSTOM = "X-Mailin-custom"
_AGAIN = 429  # the only status after which Brevo tries again
_PAIR = re.compile(r"([A-Za-z][\w.-]*):(?!//)(.*)", re.DOTALL)
TYPES: dict[str, EventType] = {
    "request": EventType.QUEUED,
    "sent": EventType.SENT,
    "delivered": EventType.DELIVERED,
    "deferred": EventType.DEFERRED,
    "soft_bounce": EventType.BOUNCED,
    "hard_bounce": EventType.BOUNCED,
    "soft_bounced": EventType.BOUNCED,  # marketing's words
    "hard_bounced": EventType.BOUNCED,
    "blocked": EventType.REJECTED,
    "invalid_email": EventType.REJECTED,
    "error": EventType.FAILED,
    "opened": EventType.OPENED,
    "unique_opened": EventType.OPENED,
    "proxy_open": EventType.OPENED,
    "unique_proxy_open": EventType.OPENED,
    "click": EventType.CLICKED,
    "spam": EventType.COMPLAINED,
    "complaint": EventType.COMPLAINED,
    "unsubscribe": EventType.UNSUBSCRIBED,
    "unsubscribed": EventType.UNSUBSCRIBED,
    "list_addition": EventType.SUBSCRIBED,
}
PROXY_OPENS = frozenset({"proxy_open", "unique_proxy_open"})
_READERS = frozenset({EventType.OPENED, EventType.CLICKED, EventType.UNSUBSCRIBED})
_WITH_REPLY = REFUSALS | {EventType.FAILED}  # others have `reason: "sent"`
# How Brevo classes a refusal: reason, 4 or 5, confidence; at 1.0 nobody but Brevo was asked.
REASONS: dict[str, tuple[BounceReason, int, float]] = {
    "hard_bounce": (BounceReason.INVALID_RECIPIENT, 5, 0.6),
    "soft_bounce": (BounceReason.UNKNOWN, 4, 0.3),
    "hard_bounced": (BounceReason.INVALID_RECIPIENT, 5, 0.6),
    "soft_bounced": (BounceReason.UNKNOWN, 4, 0.3),
    "deferred": (BounceReason.UNKNOWN, 4, 0.3),
    "blocked": (BounceReason.SUPPRESSED, 5, 1.0),  # unless it is the sender who is blocked
    "invalid_email": (BounceReason.INVALID_RECIPIENT, 5, 1.0),
}


class _Event(Item):
    """One event, as far as it is read here."""

    event: str = ""
    email: Any = None
    ts_epoch: Any = None
    ts_event: Any = None
    ts: Any = None
    ts_sent: Any = None
    message_id: Any = msgspec.field(default=None, name="message-id")
    subject: Any = None
    tags: Any = None
    tag: Any = None
    custom: Any = msgspec.field(default=None, name=CUSTOM)
    camp_id: Any = None
    sending_ip: Any = None
    ip: Any = None
    sender_email: Any = None
    reason: Any = None
    link: Any = None
    campaign_link: Any = msgspec.field(default=None, name="URL")
    user_agent: Any = None


_EVENTS = ItemLists(_Event)


class Brevo:
    """The connector."""

    name = "brevo"
    statuses = StatusPolicy(
        overloaded=_AGAIN,
        unavailable=_AGAIN,
        slow_body=_AGAIN,
        source="https://developers.brevo.com/docs/retry-mechanism",
    )

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """A bearer token or Basic credentials, against every secret of the source."""
        return SCHEME.verify(request, source)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """One event, or an array of them; one each where a change of contacts names several addresses."""
        items, result = _EVENTS.read(request.body)
        new = blanks(context, Brevo.name)
        for item in items:
            for recipient in texts(item.email) or [""]:
                event = new()
                _fill(event, item, recipient, context)
                add(result, event)
        return result


def _fill(event: EmailEvent, item: _Event, recipient: str, context: Context) -> None:
    word, metadata = item.event, _metadata(item.custom)
    event.provider_event_type = word
    event.event_type = event_type = TYPES.get(word, EventType.UNKNOWN)
    event.occurred_at = from_seconds(item.ts_epoch) or from_seconds(item.ts_event) or from_seconds(item.ts)
    event.recipient = recipient
    event.message_id = event.smtp_message_id = message_id(item.message_id)
    event.campaign_id = first_text(metadata.get("campaign_id"), item.camp_id)
    event.variant_id = text(metadata.get("variant_id"))
    event.tags = _tags(item)
    event.metadata = json_object(metadata)
    event.subject = text(item.subject)
    event.sending_domain = host_domain(item.sender_email)
    if event_type in _WITH_REPLY:
        event.smtp_response = text(item.reason).strip()
    if event_type is EventType.CLICKED:
        event.url = first_text(item.link, item.campaign_link)
    event.user_agent = text(item.user_agent)
    if event_type in _READERS:
        event.client_ip = first_text(item.ip, item.sending_ip)
    else:
        event.sending_ip = text(item.sending_ip)
    event.sent_at = from_seconds(item.ts_sent)
    hint = _hint(word, event.smtp_response) if event_type in REFUSALS else None
    complete(event, context, hint=hint, is_machine=word in PROXY_OPENS, flag=word)


def _metadata(custom: Any) -> dict[str, Any]:
    """The custom header: JSON, or `name:value|name:value`, or any text, kept as it is."""
    found = own_values(custom, CUSTOM)
    if list(found) != [CUSTOM]:
        return found
    pairs = [_PAIR.fullmatch(part) for part in text(found[CUSTOM]).split("|")]
    return {pair[1]: pair[2] for pair in pairs if pair} if all(pairs) else found


def _tags(item: _Event) -> list[str]:
    """`tags`; else `tag`, which is one tag or a list of them written as JSON."""
    if item.tags:
        return texts(item.tags)
    tag = text(item.tag)
    if tag.startswith("["):
        try:
            return texts(decode(tag.encode("utf-8", "replace")))
        except ValueError:
            pass
    return [tag] if tag else []


def _hint(word: str, reply: str) -> BounceClass:
    """How Brevo itself classes a refusal."""
    reason, smtp_class, confidence = REASONS[word]
    if word == "blocked" and "sender" in reply.lower():
        reason = BounceReason.POLICY
    return bounces.of(reason, smtp_class, confidence=confidence, rule=f"brevo:{word}")
