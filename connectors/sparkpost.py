"""SparkPost's (Bird's) and Momentum's event webhooks: batches of `{"msys": {class: event}}`, not signed.

One format, two senders: Momentum is the mail server that SparkPost runs on. Either sends Basic credentials or, after
OAuth 2.0, a bearer token. A check of the address is an empty `msys`, which is no event. Numbers come as text.
`ip_address` is the receiving host on delivery events and the reader's address on engagement events.
Sources: "Webhooks", "Events" and "Bounce Classification Codes" (SparkPost documentation); "Using Webhooks for Event
Data" (Momentum 4 documentation).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from connectors import bounce_codes, bounces
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import REFUSALS, add, blanks, complete
from connectors.items import Item, ItemLists
from connectors.signatures import SharedSecret
from connectors.values import (
    first_text,
    from_rfc3339,
    from_seconds,
    host_domain,
    json_object,
    mapping,
    smtp_code,
    text,
    texts,
    whole,
)
from schemas.events import BounceClass, BounceReason, EmailEvent, EventType

if TYPE_CHECKING:
    from schemas.config import Source

SCHEME = SharedSecret()
_MOST_ATTEMPTS = 10_000
TYPES: dict[str, EventType] = {
    "injection": EventType.QUEUED,
    "delivery": EventType.DELIVERED,
    "delay": EventType.DEFERRED,
    "bounce": EventType.BOUNCED,  # unless the bounce class says otherwise
    "out_of_band": EventType.BOUNCED,  # likewise
    "policy_rejection": EventType.REJECTED,
    "generation_rejection": EventType.REJECTED,
    "generation_failure": EventType.FAILED,
    "open": EventType.OPENED,
    "initial_open": EventType.OPENED,
    "amp_open": EventType.OPENED,
    "amp_initial_open": EventType.OPENED,
    "click": EventType.CLICKED,
    "amp_click": EventType.CLICKED,
    "spam_complaint": EventType.COMPLAINED,
    "list_unsubscribe": EventType.UNSUBSCRIBED,
    "link_unsubscribe": EventType.UNSUBSCRIBED,
}
# What came back as a bounce and is none.
BY_CLASS: dict[int, EventType] = {
    **dict.fromkeys(bounce_codes.ADMIN, EventType.REJECTED),
    **dict.fromkeys(bounce_codes.AUTO_REPLIES, EventType.AUTORESPONDED),
    bounce_codes.SUBSCRIBE: EventType.SUBSCRIBED,
    bounce_codes.UNSUBSCRIBE: EventType.UNSUBSCRIBED,
}
_READERS = frozenset({EventType.OPENED, EventType.CLICKED, EventType.UNSUBSCRIBED})


class _Event(Item):
    """One event of any class, as far as it is read here."""

    type: str = ""
    event_id: Any = None
    timestamp: Any = None
    injection_time: Any = None
    raw_rcpt_to: Any = None
    rcpt_to: Any = None
    message_id: Any = None
    transmission_id: Any = None
    campaign_id: Any = None
    ab_test_version: Any = None
    subaccount_id: Any = None
    rcpt_tags: Any = None
    rcpt_meta: Any = None
    subject: Any = None
    sending_ip: Any = None
    ip_pool: Any = None
    sending_domain: Any = None
    friendly_from: Any = None
    msg_from: Any = None
    error_code: Any = None
    raw_reason: Any = None
    reason: Any = None
    bounce_class: Any = None
    num_retries: Any = None
    ip_address: Any = None
    target_link_url: Any = None
    user_agent: Any = None
    user_agent_parsed: Any = None
    fbtype: Any = None


class _Entry(Item):
    msys: dict[str, _Event] = msgspec.field(default_factory=dict)


_ENTRIES = ItemLists(_Entry)


class SparkPost:
    """The connector."""

    name = "sparkpost"
    # Everything outside 200-299 is tried again.
    statuses = StatusPolicy(source="https://support.sparkpost.com/docs/tech-resources/webhook-data-streams")

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """Basic credentials or a bearer token, against every secret of the source."""
        return SCHEME.verify(request, source)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """One event per entry; none for an empty one, with which the address is checked."""
        entries, result = _ENTRIES.read(request.body)
        new = blanks(context, self.name)
        for entry in entries:
            for group, item in entry.msys.items():
                event = new()
                _fill(event, item, item.type or group, context)
                add(result, event)
        return result


class Momentum(SparkPost):
    """The same format, sent by the operator's own servers."""

    name = "momentum"
    statuses = StatusPolicy(source="https://support.sparkpost.com/momentum/4/reporting-webhooks")


def _fill(event: EmailEvent, item: _Event, word: str, context: Context) -> None:
    metadata, code = mapping(item.rcpt_meta), whole(item.bounce_class, 100)
    event.provider_event_type = word
    event.event_type = event_type = _type(word, code)
    event.occurred_at = from_seconds(item.timestamp) or from_rfc3339(item.timestamp)
    event.provider_event_id = text(item.event_id)
    event.recipient = first_text(item.raw_rcpt_to, item.rcpt_to)
    event.message_id = first_text(item.message_id, item.transmission_id)
    event.campaign_id = first_text(item.campaign_id, metadata.get("campaign_id"))
    event.variant_id = first_text(metadata.get("variant_id"), item.ab_test_version)
    event.stream = text(item.subaccount_id)
    event.tags = texts(item.rcpt_tags)
    event.metadata = json_object(metadata)
    event.subject = text(item.subject)
    event.sending_ip = text(item.sending_ip)
    event.ip_pool = text(item.ip_pool)
    event.sending_domain = (
        text(item.sending_domain).lower() or host_domain(item.friendly_from) or host_domain(item.msg_from)
    )
    event.smtp_code = smtp_code(item.error_code)
    event.smtp_response = first_text(item.raw_reason, item.reason)
    if item.num_retries is not None:  # failed attempts before this one
        event.attempt = whole(item.num_retries, _MOST_ATTEMPTS) + 1
    event.url = text(item.target_link_url)
    event.user_agent = text(item.user_agent)
    if TYPES.get(word) in _READERS:
        event.client_ip = text(item.ip_address)
    else:
        event.remote_mta = text(item.ip_address)
    event.complaint_type = text(item.fbtype)
    event.sent_at = from_rfc3339(item.injection_time)
    hint = _hint(word, event_type, code, event.smtp_response) if event_type in REFUSALS else None
    is_prefetched = mapping(item.user_agent_parsed).get("is_prefetched") is True
    complete(event, context, hint=hint, is_machine=is_prefetched, flag="is_prefetched")


def _type(word: str, code: int) -> EventType:
    event_type = TYPES.get(word, EventType.UNKNOWN)
    return BY_CLASS.get(code, event_type) if event_type is EventType.BOUNCED else event_type


def _hint(word: str, event_type: EventType, code: int, reply: str) -> BounceClass | None:
    """How SparkPost itself classes a refusal."""
    rule = f"bounce_class:{code}" if code else f"msys:{word}"
    if event_type is EventType.REJECTED:
        if "suppress" in reply.lower() or code == bounce_codes.SUPPRESSED:
            return bounces.of(BounceReason.SUPPRESSED, confidence=1.0, rule=rule)
        return bounce_codes.hint(code, rule) or bounces.of(BounceReason.POLICY, 5, confidence=0.6, rule=rule)
    return bounce_codes.hint(code, rule, 4 if event_type is EventType.DEFERRED else 0)
