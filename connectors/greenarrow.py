"""GreenArrow's event notifications, of Engine and Studio: JSON arrays, single objects, or one form-encoded event.

GreenArrow signs nothing: a source's secret stands in the URL (`?token=`), or in an Authorization header that a proxy
adds. The legacy event processor takes an event as delivered only when the answer holds the word "ok", so that is the
answer. One failed message may be reported three times (the attempt, `bounce_all`, `bounce_bad_address`): where its
click tracking id says that it is the same message, all three have one event id and count once.
Sources: "Types of Events" (Engine, Studio), "Event Delivery Methods", "Event Processor", "Bounce Processor"
(GreenArrow documentation).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connectors import bounces
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import REFUSALS, add, blanks, complete
from connectors.items import FlatItems, Item, lenient
from connectors.parts import Query
from connectors.signatures import SharedSecret, Token
from connectors.values import (
    first_text,
    form,
    from_any_time,
    host_domain,
    json_object,
    mapping,
    message_id,
    text,
    texts,
    whole,
)
from schemas.events import BounceClass, BounceReason, EmailEvent, EventType
from schemas.identity import digest, normalise_address

if TYPE_CHECKING:
    from schemas.config import Source

IN_HEADER = SharedSecret()
IN_URL = Token(Query("token"))
ANSWER = b"ok"
TYPES: dict[str, EventType] = {
    "bounce_all": EventType.BOUNCED,  # unless its code says otherwise
    "bounce_bad_address": EventType.BOUNCED,
    "scomp": EventType.COMPLAINED,
    "engine_open": EventType.OPENED,
    "engine_click": EventType.CLICKED,
    "engine_unsub": EventType.UNSUBSCRIBED,
    "studio_open": EventType.OPENED,
    "studio_click": EventType.CLICKED,
    "studio_unsub": EventType.UNSUBSCRIBED,
}
# `status` of a delivery_attempt.
ATTEMPTS: dict[str, EventType] = {
    "success": EventType.DELIVERED,
    "accepted": EventType.DELIVERED,
    "deferral": EventType.DEFERRED,
    "connmaxout": EventType.DEFERRED,
    "failure": EventType.BOUNCED,
    "failure_toolong": EventType.BOUNCED,
}
# Codes of the bounce processor that are no bounce of the mailbox provider's.
CODE_TYPES: dict[int, EventType] = {
    0: EventType.UNKNOWN,
    60: EventType.AUTORESPONDED,
    70: EventType.DEFERRED,
    90: EventType.UNSUBSCRIBED,
    100: EventType.AUTORESPONDED,
    110: EventType.REJECTED,
    120: EventType.REJECTED,
    122: EventType.REJECTED,
    123: EventType.REJECTED,
    124: EventType.REJECTED,
}
CODES: dict[int, BounceReason] = {
    10: BounceReason.INVALID_RECIPIENT,
    20: BounceReason.SYSTEM_ERROR,
    21: BounceReason.DNS_FAILURE,
    22: BounceReason.MAILBOX_FULL,
    23: BounceReason.MESSAGE_TOO_LARGE,
    29: BounceReason.NETWORK_FAILURE,
    50: BounceReason.POLICY,
    51: BounceReason.BLOCKED_IP,
    52: BounceReason.SPAM_CONTENT,
    53: BounceReason.CONTENT_REJECTED,
    54: BounceReason.RELAY_DENIED,
    55: BounceReason.AUTH_FAILURE,
    59: BounceReason.NETWORK_FAILURE,
    70: BounceReason.SYSTEM_ERROR,
    110: BounceReason.RATE_LIMITED,
    120: BounceReason.POLICY,
    121: BounceReason.EXPIRED,
    122: BounceReason.SUPPRESSED,
    123: BounceReason.POLICY,
    124: BounceReason.RATE_LIMITED,
}
_NO_CODE = -1
_OWN_HEADERS = frozenset({"message-id", "subject"})  # that our event has a field for
_OWN_CODES = frozenset(range(110, 125))  # what GreenArrow itself decided; no reply says it better


class _Event(Item):
    """One event, as far as it is read here. Everything may be null."""

    event_type: Any = None
    event_time: Any = None
    timestamp: Any = None
    event_unique_id: Any = None
    email: Any = None
    recipient: Any = None
    listid: Any = None
    sendid: Any = None
    click_tracking_id: Any = None
    bounce_type: Any = None
    bounce_code: Any = None
    bounce_text: Any = None
    click_url: Any = None
    engine_ip: Any = None
    studio_ip: Any = None
    user_agent: Any = None
    is_privacy_open: Any = None
    studio_campaign_id: Any = None
    studio_autoresponder_id: Any = None
    status: Any = None
    is_retry: Any = None
    msguid: Any = None
    sender: Any = None
    mtaid: Any = None
    injected_time: Any = None
    message: Any = None
    outmtaid_ip: Any = None
    mx_hostname: Any = None
    from_address: Any = None
    headers: Any = None


KNOWN_KEYS = frozenset(_Event.__struct_fields__) | {
    "id", "server_id", "list_name", "list_label", "channel", "synchronous", "outmtaid", "outmtaid_hostname",
    "sendsliceid", "throttleid", "mx_ip", "message_size", "smtp_timing", "studio_mailing_list_id",
    "studio_subscriber_id", "studio_is_unique", "studio_rl_seq", "studio_rl_recipid", "studio_rl_seq_id",
    "studio_rl_distinct_id", "json_before", "json_after",
}  # fmt: skip
_EVENTS = FlatItems(_Event, KNOWN_KEYS)


class GreenArrow:
    """The connector."""

    name = "greenarrow"
    # Every answer but 2xx puts the event back into GreenArrow's queue.
    statuses = StatusPolicy(
        source="https://www.greenarrowemail.com/docs/greenarrow-engine/Event-Notification-System/Event-Delivery-Methods"
    )

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """The token in the URL, or the Authorization header if there is one."""
        scheme = IN_HEADER if request.headers.get("authorization") else IN_URL
        found = scheme.verify(request, source)
        return Verdict(secret_index=found.secret_index, reply=ANSWER)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """One event per object; a form is one event."""
        is_json = request.body.lstrip()[:1] in (b"[", b"{")
        fields = {} if is_json else dict(form(request.body))
        if "event_type" not in fields:
            return _EVENTS.parse(request, context, GreenArrow.name, _fill)
        result, event = ParseResult(), blanks(context, GreenArrow.name)()
        _fill(event, lenient(_Event, fields), context)
        add(result, event)
        return result


def _fill(event: EmailEvent, item: _Event, context: Context) -> None:
    word, status = text(item.event_type), text(item.status)
    code = whole(item.bounce_code, 999) if text(item.bounce_code) else _NO_CODE
    headers = {name.lower(): next(iter(texts(value)), "") for name, value in mapping(item.headers).items()}
    tracking = text(item.click_tracking_id)
    event.event_type = event_type = _type(word, status, code)
    event.provider_event_type = f"{word}:{status}" if status else word
    event.provider_event_id = text(item.event_unique_id)
    event.occurred_at = from_any_time(item.timestamp) or from_any_time(item.event_time)
    event.recipient = first_text(item.email, item.recipient)
    event.message_id = tracking or text(item.msguid)
    event.smtp_message_id = message_id(headers.get("message-id"))
    event.campaign_id = first_text(item.studio_campaign_id, item.studio_autoresponder_id, item.sendid)
    event.stream = text(item.listid)
    event.metadata = json_object({name: value for name, value in headers.items() if name not in _OWN_HEADERS})
    event.subject = headers.get("subject", "")
    event.sending_ip = text(item.outmtaid_ip)
    event.ip_pool = text(item.mtaid)
    event.sending_domain = host_domain(item.from_address) or host_domain(item.sender)
    event.smtp_response = first_text(item.message, item.bounce_text)
    event.remote_mta = text(item.mx_hostname)
    event.attempt = 1 if text(item.is_retry) == "0" or item.is_retry is False else 0
    event.url = text(item.click_url)
    event.user_agent = text(item.user_agent)
    event.client_ip = first_text(item.engine_ip, item.studio_ip)
    event.sent_at = from_any_time(item.injected_time)
    given = event.provider_event_id
    if event_type in (EventType.BOUNCED, EventType.REJECTED) and tracking:
        event.provider_event_id = digest("bounce", tracking, text(item.sendid), normalise_address(event.recipient))
    is_machine = item.is_privacy_open is True or text(item.is_privacy_open).lower() in ("1", "t", "true")
    hint = _hint(status, code, text(item.bounce_type)) if event_type in REFUSALS else None
    complete(event, context, hint=hint, is_machine=is_machine, flag="is_privacy_open")
    event.provider_event_id = given


def _type(word: str, status: str, code: int) -> EventType:
    if word == "delivery_attempt":
        return ATTEMPTS.get(status, EventType.UNKNOWN)
    if word == "bounce_all":
        return CODE_TYPES.get(code, EventType.BOUNCED)
    return TYPES.get(word, EventType.UNKNOWN)


def _hint(status: str, code: int, bounce_type: str) -> BounceClass | None:
    """How GreenArrow itself classes a refusal."""
    if status == "failure_toolong":
        return bounces.of(BounceReason.EXPIRED, 5, confidence=1.0, rule="greenarrow:failure_toolong")
    if status == "connmaxout":  # GreenArrow's own limit of connections
        return bounces.of(BounceReason.SYSTEM_ERROR, 4, confidence=0.7, rule="greenarrow:connmaxout")
    reason = CODES.get(code)
    if reason is None:
        return None
    smtp_class = {"h": 5, "s": 4}.get(bounce_type, 0)
    confidence = 1.0 if code in _OWN_CODES else 0.7
    return bounces.of(reason, smtp_class, confidence=confidence, rule=f"greenarrow:{code}")
