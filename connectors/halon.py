"""Halon's delivery events, sent in bulk by its http-bulk plugin: a JSON array, one object per line, or one object.

Which fields an event has is decided by a script. Two published mappings are read: the one of Email Consul
(`type` queue, delivery, async, arf), which is Halon's own variables as they are and what our page shows,
and the flat one of Postmastery (`type` SMTP). The plugin signs nothing, so a source's secrets are bearer tokens or
`user:password`. A queue id is one message to one recipient, with the transaction before it the message's id here.
Sources: Halon documentation "Post-delivery" (`$arguments`, `$message`); halon-extras/emailconsul,
halon-extras/postmastery, halon-extras/dsn, halon-extras/arf, halon-extras/http-bulk.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

from connectors import bounces
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import REFUSALS, add, blanks, complete
from connectors.feedback import event_type_of
from connectors.items import Item
from connectors.json_records import Records
from connectors.signatures import SharedSecret
from connectors.values import (
    first_text,
    from_any_time,
    host_domain,
    json_object,
    mapping,
    message_id,
    smtp_code,
    text,
    texts,
    whole,
)
from schemas.events import BounceClass, BounceReason, EmailEvent, EventType

if TYPE_CHECKING:
    from schemas.config import Source

SCHEME = SharedSecret()
_MOST_ATTEMPTS = 100_000
# RFC 3464 section 2.3.3; what is delivered was counted when the next server took it.
DSN_ACTIONS: dict[str, EventType] = {"failed": EventType.BOUNCED, "delayed": EventType.DEFERRED}
# Postmastery's words.
STATUSES: dict[str, EventType] = {
    "delivered": EventType.DELIVERED,
    "delayed": EventType.DEFERRED,
    "failed": EventType.BOUNCED,
    "removed": EventType.REJECTED,  # taken out of the queue without an attempt
}


class _Message(Item):
    """What `$message` says."""

    id: Any = None
    ts: Any = None
    sender: Any = None
    recipient: Any = None
    recipientaddress: Any = None
    transportid: Any = None
    jobid: Any = None
    metadata: Any = None
    envelope_id: Any = msgspec.field(default=None, name="original-envelope-id")  # where it is a bounce mail


class _Connection(Item):
    localip: Any = None
    remotemx: Any = None


class _Attempt(Item):
    result: Any = None
    error: Any = None
    connection: _Connection | None = None


class _Headers(Item):
    message_id: Any = msgspec.field(default=None, name="message-id")
    subject: Any = None
    from_: Any = msgspec.field(default=None, name="from")


class _Record(_Message):
    """One event in either mapping, as far as it is read here."""

    type: Any = None
    time: Any = None
    eventid: Any = None
    message: _Message | None = None
    retry: Any = None
    action: Any = None
    expired: Any = None
    attempt: _Attempt | None = None
    headers: _Headers | None = None
    feedback_report: Any = None
    # Postmastery's.
    messageid: Any = None
    ts_attempt: Any = None
    ts_received: Any = None
    status: Any = None
    result_code: Any = None
    result_enhanced: Any = None
    result_reason: Any = None
    connection_localip: Any = None
    connection_remotemx: Any = None
    error_message: Any = UNSET
    error_temporary: Any = None
    recipient_localpart: Any = None
    recipient_domain: Any = None
    from_: Any = msgspec.field(default=None, name="from")
    subject: Any = None


_RECORDS = Records(_Record, "delivery event")
_NO_MESSAGE, _NO_ATTEMPT, _NO_CONNECTION, _NO_HEADERS = _Message(), _Attempt(), _Connection(), _Headers()


class Halon:
    """The connector."""

    name = "halon"
    # Every answer outside 200-299 is tried again a second later, for ever; the plugin's queue is on disk.
    statuses = StatusPolicy(source="https://github.com/halon-extras/http-bulk")

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """Bearer token or Basic credentials, against every secret of the source."""
        return SCHEME.verify(request, source)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """One event per record."""
        result, new = ParseResult(), blanks(context, Halon.name)
        for record in _RECORDS.read(request.body, result):
            event = new()
            word = text(record.type)
            event.provider_event_type = word or "(no type)"
            event.provider_event_id = text(record.eventid)
            event.occurred_at = from_any_time(record.time)
            hint = READERS.get(word, _unknown)(event, record)
            complete(event, context, hint=hint if event.event_type in REFUSALS else None)
            add(result, event)
        return result


def _delivery(event: EmailEvent, record: _Record) -> BounceClass | None:
    """One attempt, or the end of a message in the queue: `$message` and everything in `$arguments`."""
    message, attempt = record.message or _NO_MESSAGE, record.attempt or _NO_ATTEMPT
    outcome, error = mapping(attempt.result), mapping(attempt.error)
    connection = attempt.connection or _NO_CONNECTION
    _fill_message(event, message, record)
    event.sent_at = from_any_time(message.ts)
    event.recipient = _address(message.recipientaddress) or _address(message.recipient)
    event.sending_ip = text(connection.localip)
    event.remote_mta = text(connection.remotemx)
    event.attempt = whole(record.retry, _MOST_ATTEMPTS)
    event.smtp_code = smtp_code(outcome.get("code"))
    event.enhanced_status = bounces.codes_in(".".join(texts(outcome.get("enhanced"))))[1]
    said = " ".join(texts(outcome.get("reason")))
    event.smtp_response = said or first_text(error.get("message"), error.get("reason"))
    action, is_expired = text(record.action), record.expired is True
    event.provider_event_type = f"delivery:{action}" if action else "delivery"
    event.event_type = _outcome(action, is_tried=bool(outcome or error), is_expired=is_expired)
    if is_expired and event.event_type is EventType.BOUNCED:
        return bounces.of(BounceReason.EXPIRED, 5, confidence=1.0, rule="halon:expired")
    if event.event_type is EventType.REJECTED:
        return bounces.of(BounceReason.POLICY, 5, confidence=1.0, rule="halon:removed")
    return _local(error.get("temporary")) if error else None


def _outcome(action: str, *, is_tried: bool, is_expired: bool) -> EventType:
    """`action`: what the queue does next; it is missing after success."""
    if action == "QUEUE":
        return EventType.DEFERRED
    if action in ("BOUNCE", "DELETE"):
        return EventType.BOUNCED if is_tried or is_expired else EventType.REJECTED
    return EventType.DELIVERED if not action and is_tried else EventType.UNKNOWN


def _local(is_temporary: Any) -> BounceClass:
    """A failure before the receiving server said anything."""
    reason = BounceReason.NETWORK_FAILURE if is_temporary is True else BounceReason.SYSTEM_ERROR
    return bounces.of(reason, 4 if is_temporary is True else 5, confidence=0.5, rule="halon:error")


def _queue(event: EmailEvent, record: _Record) -> None:
    """A message has been taken into the queue."""
    _fill_message(event, record, record)
    event.event_type = EventType.QUEUED
    event.recipient = _address(record.recipient)


def _bounce_mail(event: EmailEvent, record: _Record) -> None:
    """One recipient of a bounce mail that came in later (RFC 3464 fields in lower case)."""
    report, recipient = record.message or _NO_MESSAGE, mapping(record.recipient)
    event.event_type = DSN_ACTIONS.get(text(recipient.get("action")).lower(), EventType.UNKNOWN)
    event.message_id = text(report.envelope_id)
    event.stream = text(record.transportid)
    event.recipient = _typed(recipient.get("original-recipient")) or _typed(recipient.get("final-recipient"))
    event.smtp_response = _typed(recipient.get("diagnostic-code"))
    event.enhanced_status = bounces.codes_in(text(recipient.get("status")))[1]
    event.remote_mta = _typed(recipient.get("remote-mta"))
    event.sending_domain = host_domain(_address(record.sender))


def _complaint(event: EmailEvent, record: _Record) -> None:
    """A feedback report (RFC 5965); every field is a list."""
    report = mapping(record.feedback_report)

    def first(name: str) -> str:
        return next(iter(texts(report.get(name))), "")

    event.complaint_type = first("feedback-type")
    event.event_type = event_type_of(event.complaint_type)
    event.recipient = first("original-rcpt-to") or first("removal-recipient")
    event.sending_ip = first("source-ip")
    event.sending_domain = first("reported-domain").lower() or host_domain(first("original-mail-from"))
    event.message_id = first("original-envelope-id")


def _smtp(event: EmailEvent, record: _Record) -> BounceClass | None:
    """One attempt in Postmastery's flat form."""
    status = text(record.status)
    local, domain = text(record.recipient_localpart), text(record.recipient_domain)
    event.event_type = STATUSES.get(status, EventType.UNKNOWN)
    event.provider_event_type = status or "SMTP"
    event.occurred_at = from_any_time(record.ts_attempt)
    event.sent_at = from_any_time(record.ts_received)
    event.message_id = text(record.messageid)
    event.campaign_id = text(record.jobid)
    event.recipient = f"{local}@{domain}" if local and domain else ""
    event.subject = text(record.subject)
    event.sending_domain = host_domain(record.from_) or host_domain(record.sender)
    event.sending_ip = text(record.connection_localip)
    event.remote_mta = text(record.connection_remotemx)
    event.smtp_code = smtp_code(record.result_code)
    event.enhanced_status = bounces.codes_in(text(record.result_enhanced))[1]
    event.smtp_response = first_text(record.result_reason, record.error_message)
    if event.event_type is EventType.REJECTED:
        return bounces.of(BounceReason.POLICY, 5, confidence=1.0, rule="halon:removed")
    return _local(record.error_temporary) if record.error_message is not UNSET else None


def _unknown(event: EmailEvent, record: _Record) -> None:
    """A type of the operator's own: what can be said of it is said."""
    message = record.message or _NO_MESSAGE
    _fill_message(event, message, record)
    event.recipient = _address(message.recipient) or _address(record.recipient)


READERS: dict[str, Callable[[EmailEvent, _Record], BounceClass | None]] = {
    "queue": _queue,
    "delivery": _delivery,
    "async": _bounce_mail,
    "arf": _complaint,
    "SMTP": _smtp,
}


def _fill_message(event: EmailEvent, message: _Message, record: _Record) -> None:
    """What is known of the message itself; its `headers` are added by the script that we document."""
    own, headers = mapping(message.metadata) or mapping(record.metadata), record.headers or _NO_HEADERS
    event.message_id = _id(message.id)
    event.smtp_message_id = message_id(headers.message_id)
    event.campaign_id = first_text(own.get("campaign_id"), message.jobid)
    event.variant_id = text(own.get("variant_id"))
    event.tags = texts(own.get("tags"))
    event.metadata = json_object(own)
    event.subject = text(headers.subject)
    event.stream = text(message.transportid)
    event.sending_domain = host_domain(headers.from_) or host_domain(_address(message.sender))


def _id(value: Any) -> str:
    """An id as text, or as transaction and queue."""
    if type(value) is not dict:
        return text(value)
    transaction, queue = text(value.get("transaction")), text(value.get("queue"))
    return f"{transaction}:{queue}" if transaction and queue else transaction or queue


def _address(value: Any) -> str:
    """An address as text, or as its local part and domain."""
    if type(value) is not dict:
        return text(value)
    local, domain = text(value.get("localpart")), text(value.get("domain"))
    return f"{local}@{domain}" if local and domain else ""


def _typed(value: Any) -> str:
    """A field of a delivery report without its type: "rfc822; user@example.org" (RFC 3464 section 2.3)."""
    kind, found, rest = text(value).partition(";")
    return rest.strip() if found else kind.strip()
