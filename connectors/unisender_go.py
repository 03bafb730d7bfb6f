"""Unisender Go's (and UniOne's) webhooks: events by user and project in one JSON object, signed inside the body.

Signature: `auth` is the MD5 of the body in which the API key stands in place of `auth` itself. So the raw body is
changed at that one place and nothing else of it is touched. MD5 can be extended without the key, but only by bytes
after the end, and a body with those is no JSON any more. No time is signed and events have no id, so ids come from what
happened. An event alone (webhook option `single_event`) is flat, the events of a batch have `event_data`.
Source: "Event callback format" (Unisender Go API reference; the same in UniOne's).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from connectors import bounces
from connectors.base import Certificates, Context, Failure, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import add, blanks, complete, refuse_item
from connectors.item_events import LoneItems
from connectors.items import Item
from connectors.signatures import accept
from connectors.values import from_rfc3339, json_object, mapping, text
from schemas.errors import FailureCode
from schemas.events import BounceClass, BounceReason, EmailEvent, EventType

if TYPE_CHECKING:
    from schemas.config import Source

_AUTH = re.compile(rb'"auth"\s{0,20}:\s{0,20}"([0-9a-fA-F]{32})"')
_MOST_PLACES = 4
_EMAIL_STATUS = "transactional_email_status"  # the event whose `status` says what happened
TYPES: dict[str, EventType] = {
    "accepted": EventType.QUEUED,
    "sent": EventType.SENT,
    "delivered": EventType.DELIVERED,
    "opened": EventType.OPENED,
    "clicked": EventType.CLICKED,
    "unsubscribed": EventType.UNSUBSCRIBED,
    "subscribed": EventType.SUBSCRIBED,
    "soft_bounced": EventType.DEFERRED,
    "hard_bounced": EventType.BOUNCED,  # unless nobody was asked
    "spam": EventType.COMPLAINED,
}
# Delivery statuses of a hard bounce for mail that Unisender never sent.
UNTRIED: dict[str, BounceReason] = {
    "err_unsubscribed": BounceReason.SUPPRESSED,
    "err_unreachable": BounceReason.SUPPRESSED,
    "err_skip_letter": BounceReason.SUPPRESSED,
    "skip_dup_unreachable": BounceReason.SUPPRESSED,
    "skip_dup_temp_unreachable": BounceReason.SUPPRESSED,
    "skip_dup_mailbox_full": BounceReason.SUPPRESSED,
    "err_spam_skipped": BounceReason.SPAM_CONTENT,
    "err_spam_removed": BounceReason.SPAM_CONTENT,
}
# The other delivery statuses; only used where the reply itself says nothing clear.
REASONS: dict[str, BounceReason] = {
    "err_user_unknown": BounceReason.INVALID_RECIPIENT,
    "err_dest_invalid": BounceReason.INVALID_RECIPIENT,
    "err_user_inactive": BounceReason.INACTIVE_MAILBOX,
    "err_mailbox_discarded": BounceReason.INACTIVE_MAILBOX,
    "err_mailbox_full": BounceReason.MAILBOX_FULL,
    "err_spam_rejected": BounceReason.SPAM_CONTENT,
    "err_blacklisted": BounceReason.BLOCKED_IP,
    "err_too_large": BounceReason.MESSAGE_TOO_LARGE,
    "err_domain_inactive": BounceReason.INVALID_DOMAIN,
    "err_no_dns": BounceReason.DNS_FAILURE,
    "err_no_smtp": BounceReason.NETWORK_FAILURE,
    "err_destination_misconfigured": BounceReason.SYSTEM_ERROR,
    "err_lost": BounceReason.SYSTEM_ERROR,
    "err_internal": BounceReason.SYSTEM_ERROR,
    "err_giveup": BounceReason.EXPIRED,
}


class _Delivery(Item):
    status: str = msgspec.field(default="", name="delivery_status")
    reply: str = msgspec.field(default="", name="destination_response")
    user_agent: str = ""
    ip: str = ""
    sender_ip: str = ""


class _Data(Item):
    """What happened, as far as it is read here; `block_time` is that of a transactional_spam_block."""

    status: str = ""
    job_id: str = ""
    metadata: Any = None
    email: str = ""
    event_time: str = ""
    block_time: str = ""
    url: Any = None
    delivery_info: _Delivery | None = None


class _Event(Item):
    event_name: str = ""
    event_data: _Data | None = None


class _User(Item):
    """The events of one project, or of the account."""

    events: list[_Event] | None = None


class _Body(_Data):
    """A batch, or (`event_name`) an event alone."""

    events_by_user: list[_User] | None = None
    event_name: str = ""


_BODIES = LoneItems(
    _Body,
    lambda body: body.events_by_user is not None or body.event_name,
    "`events_by_user`, or an event with `event_name`",
)


class UnisenderGo:
    """The connector."""

    name = "unisender_go"
    # Whatever is not exactly 200 is tried again.
    statuses = StatusPolicy(source="https://godocs.unisender.ru/web-api-ref#callback-format")

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """MD5 over the body with the key in it, against every API key of the source."""
        return accept(request, source, present=_present, matches=_matches, timestamp=None)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """One event per item of every user's `events`; places are counted over all of them."""
        body = _BODIES.read(request.body)
        if isinstance(body, ParseResult):
            return body
        result, new = ParseResult(), blanks(context, UnisenderGo.name)
        for index, item in enumerate(_items(body)):
            if isinstance(item, _Event):
                event = new()
                _fill(event, item.event_name, item.event_data or _Data(), context)
                add(result, event)
            elif isinstance(item, _User):  # what it holds instead is not known here, so all is kept
                reason = "expected a list `events` for each of `events_by_user`"
                code = FailureCode.ITEM_UNREADABLE
                result.failures.append(Failure(code=code, reason=reason, item=request.body, index=index))
            else:
                refuse_item(result, index, item, f"expected an event object, found {type(item).__name__}")
        return result


def _present(request: Request) -> str:
    return "" if _AUTH.search(request.body) else "field auth"


def _matches(request: Request, secret: str) -> bool:
    """Tried at the first few places: what the sender put on his mail may have an `auth` of its own."""
    body, key = request.body, secret.encode()
    return any(
        hmac.compare_digest(_md5(body[: found.start(1)] + key + body[found.end(1) :]), found[1].lower())
        for found in islice(_AUTH.finditer(body), _MOST_PLACES)
    )


def _md5(signed: bytes) -> bytes:
    return hashlib.md5(signed, usedforsecurity=False).hexdigest().encode()  # the service's choice; see above


def _items(body: _Body) -> Iterator[Any]:
    """The events, and whatever stands in their place."""
    if body.events_by_user is None:
        yield _Event(event_name=body.event_name, event_data=body)
        return
    for user in body.events_by_user:
        if isinstance(user, _User) and user.events is not None:
            yield from user.events
        else:
            yield user


def _fill(event: EmailEvent, name: str, data: _Data, context: Context) -> None:
    word = (data.status if name == _EMAIL_STATUS else "") or name
    delivery, metadata = data.delivery_info or _Delivery(), mapping(data.metadata)
    event.event_type = event_type = _type(word, delivery.status)
    event.provider_event_type = word
    event.occurred_at = from_rfc3339(data.event_time) or from_rfc3339(data.block_time)
    event.recipient = data.email
    event.message_id = data.job_id
    event.campaign_id = text(metadata.get("campaign_id"))
    event.variant_id = text(metadata.get("variant_id"))
    event.metadata = json_object(metadata)
    event.smtp_response = delivery.reply
    event.sending_ip = delivery.sender_ip
    event.url = text(data.url)
    event.user_agent = delivery.user_agent
    event.client_ip = delivery.ip
    complete(event, context, hint=_hint(event_type, delivery.status))


def _type(word: str, status: str) -> EventType:
    if word == "hard_bounced" and status in UNTRIED:
        return EventType.REJECTED
    return TYPES.get(word, EventType.UNKNOWN)


def _hint(event_type: EventType, status: str) -> BounceClass | None:
    """How Unisender itself classes a refusal."""
    rule = f"unisender_go:{status}"
    if event_type is EventType.REJECTED:
        return bounces.of(UNTRIED[status], confidence=1.0, rule=rule)
    if event_type not in {EventType.BOUNCED, EventType.DEFERRED}:
        return None
    smtp_class = 4 if event_type is EventType.DEFERRED else 5
    known = REASONS.get(status)
    return bounces.of(known or BounceReason.UNKNOWN, smtp_class, confidence=0.6 if known else 0.3, rule=rule)
