"""KumoMTA's log records, posted by a log hook: one object, an array, or one object per line.

KumoMTA signs nothing itself; the hook's Lua sets an Authorization header, so a source's secrets are
bearer tokens or `user:password`. Records have no id of their own, and a message has many records, so
event ids come from what happened. Since 2025.12 `recipient` may be a list: one event each.
Source: "Log Record", "Publishing log events via webhooks" (KumoMTA documentation).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from connectors import bounces
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import REFUSALS, add, blanks, complete
from connectors.feedback import event_type_of
from connectors.items import Item
from connectors.json_records import Records
from connectors.signatures import SharedSecret
from connectors.values import (
    bare_ip,
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
_UNKNOWN = EventType.UNKNOWN
_MESSAGE_ID = re.compile(r"^message-id:\s*<?([^<>\s]{1,500})", re.IGNORECASE | re.MULTILINE)
TYPES: dict[str, EventType] = {
    "Reception": EventType.QUEUED,
    "Delivery": EventType.DELIVERED,
    "TransientFailure": EventType.DEFERRED,
    "Delay": EventType.DEFERRED,
    "Delayed": EventType.DEFERRED,
    "Bounce": EventType.BOUNCED,
    "Expiration": EventType.BOUNCED,
    "OOB": EventType.BOUNCED,
    "AdminBounce": EventType.REJECTED,  # an operator threw the message away; nobody was asked
    "Rejection": EventType.REJECTED,
    "Feedback": EventType.COMPLAINED,  # unless the report says otherwise
}
# KumoMTA's own classes; only used where the reply itself says nothing clear.
CLASSES: dict[str, BounceReason] = {
    "InvalidRecipient": BounceReason.INVALID_RECIPIENT,
    "InactiveMailbox": BounceReason.INACTIVE_MAILBOX,
    "QuotaIssues": BounceReason.MAILBOX_FULL,
    "BadDomain": BounceReason.INVALID_DOMAIN,
    "DNSFailure": BounceReason.DNS_FAILURE,
    "RoutingErrors": BounceReason.DNS_FAILURE,
    "SpamBlock": BounceReason.BLOCKED_IP,
    "SpamContent": BounceReason.SPAM_CONTENT,
    "SpamRelated": BounceReason.SPAM_CONTENT,
    "ContentRelated": BounceReason.CONTENT_REJECTED,
    "ProhibitedAttachment": BounceReason.CONTENT_REJECTED,
    "VirusRelated": BounceReason.CONTENT_REJECTED,
    "PolicyRelated": BounceReason.POLICY,
    "InvalidSender": BounceReason.BLOCKED_DOMAIN,
    "AuthenticationFailed": BounceReason.AUTH_FAILURE,
    "RelayDenied": BounceReason.RELAY_DENIED,
    "RelayingIssues": BounceReason.RELAY_DENIED,
    "TooManyRecipients": BounceReason.RATE_LIMITED,
    "BadConnection": BounceReason.NETWORK_FAILURE,
    "NoAnswerFromHost": BounceReason.NETWORK_FAILURE,
    "ProtocolErrors": BounceReason.PROTOCOL_ERROR,
    "BadConfiguration": BounceReason.SYSTEM_ERROR,
    "TransientFailure": BounceReason.SYSTEM_ERROR,
    "MessageExpired": BounceReason.EXPIRED,
    "AutoReply": BounceReason.AUTO_REPLY,
    "ChallengeResponse": BounceReason.AUTO_REPLY,
}


class _Enhanced(Item):
    level: Any = msgspec.field(default=None, name="class")
    subject: Any = None
    detail: Any = None


class _Response(Item):
    code: Any = None
    enhanced_code: _Enhanced | None = None
    content: str = ""


class _Source(Item):
    address: str = ""


class _Peer(Item):
    name: str = ""


class _Record(Item):
    """One log record, as far as it is read here."""

    type: str = ""
    id: str = ""
    sender: str = ""
    recipient: Any = None
    queue: str = ""
    response: _Response = msgspec.field(default_factory=_Response)
    peer_address: _Peer | None = None
    timestamp: Any = None
    event_time: Any = None
    created: Any = None
    created_time: Any = None
    num_attempts: Any = None
    bounce_classification: str = ""
    egress_pool: Any = None
    source_address: _Source | None = None
    feedback_report: Any = None
    meta: Any = None
    headers: Any = None


_RECORDS = Records(_Record, "log record")


class KumoMta:
    """The connector."""

    name = "kumomta"
    # The hook's Lua decides: the documented one keeps the record queued for any status outside 200-299.
    statuses = StatusPolicy(source="https://docs.kumomta.com/userguide/operation/webhooks")

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """Bearer token or Basic credentials, against every secret of the source."""
        return SCHEME.verify(request, source)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """One event per record and recipient."""
        result, new = ParseResult(), blanks(context, KumoMta.name)
        for record in _RECORDS.read(request.body, result):
            for recipient in _recipients(record):
                event = new()
                event.recipient = recipient
                _fill(event, record, context)
                add(result, event)
        return result


def _recipients(record: _Record) -> list[str]:
    """Whom the record is about. A feedback report's own recipient is only the mailbox it was sent to."""
    if record.type != "Feedback":
        return texts(record.recipient) or [""]
    report = mapping(record.feedback_report)
    trace = texts(mapping(report.get("supplemental_trace")).get("recipient"))
    removal = texts(mapping(report.get("extensions")).get("removal-recipient"))
    return trace or texts(report.get("original_rcpto_to")) or removal or [""]


def _fill(event: EmailEvent, record: _Record, context: Context) -> None:
    word, response = record.type, record.response
    report, meta = mapping(record.feedback_report), mapping(record.meta)
    headers = {name.lower(): value for name, value in mapping(record.headers).items()}
    campaign, tenant = _queue_parts(record.queue)
    complaint = text(report.get("feedback_type"))
    event.event_type = event_type = event_type_of(complaint) if word == "Feedback" else TYPES.get(word, _UNKNOWN)
    event.occurred_at = from_any_time(record.event_time) or from_any_time(record.timestamp)
    event.provider_event_type = word
    event.message_id = record.id
    event.smtp_message_id = message_id(_first(headers.get("message-id"))) or _reported_id(report)
    event.campaign_id = text(meta.get("campaign_id")) or text(meta.get("campaign")) or campaign
    event.variant_id = text(meta.get("variant_id"))
    event.stream = text(meta.get("stream")) or text(meta.get("tenant")) or tenant
    event.tags = texts(meta.get("tags"))
    event.metadata = json_object(meta)
    event.subject = _first(headers.get("subject"))
    event.sending_ip = bare_ip(record.source_address.address) if record.source_address else ""
    event.sending_domain = _sending_domain(_first(headers.get("from")), record.sender, report)
    if report:
        event.sending_ip = event.sending_ip or text(report.get("source_ip"))
        event.complaint_type = complaint
    event.ip_pool = text(record.egress_pool)
    event.smtp_code = smtp_code(response.code)
    if response.enhanced_code:
        event.enhanced_status = _enhanced(response.enhanced_code)
    event.smtp_response = response.content
    if record.peer_address and word != "Reception":
        event.remote_mta = record.peer_address.name.rstrip(".")
    event.attempt = whole(record.num_attempts, _MOST_ATTEMPTS)
    event.sent_at = from_any_time(record.created_time) or from_any_time(record.created)
    hint = _hint(word, event_type, record.bounce_classification) if event_type in REFUSALS else None
    complete(event, context, hint=hint)


def _first(value: Any) -> str:
    """A logged header's text; the first where several of one name were logged."""
    return value if type(value) is str else next(iter(texts(value)), "")


def _queue_parts(queue: str) -> tuple[str, str]:
    """("campaign", "tenant") of a queue name such as "campaign:tenant@domain"; "" where it has none."""
    scope, at, _ = queue.partition("@")
    if not at:
        return "", ""
    campaign, colon, tenant = scope.partition(":")
    return (campaign, tenant) if colon else ("", campaign)


def _sending_domain(sender: str, envelope_sender: str, report: dict[str, Any]) -> str:
    """The From header's domain if it is logged, else the envelope sender's; a report names it itself."""
    if report:
        return _first(report.get("reported_domain")).lower()
    return host_domain(sender) or host_domain(envelope_sender)


def _reported_id(report: dict[str, Any]) -> str:
    found = _MESSAGE_ID.search(text(report.get("original_message"))[:20_000])
    return found[1] if found else ""


def _enhanced(code: _Enhanced) -> str:
    """`{"class": 5, "subject": 1, "detail": 1}` as "5.1.1"."""
    if whole(code.level) not in {2, 4, 5} or type(code.subject) is not int or type(code.detail) is not int:
        return ""
    return bounces.codes_in(f"{code.level}.{code.subject}.{code.detail}")[1]


def _hint(word: str, event_type: EventType, kumo_class: str) -> BounceClass | None:
    """How KumoMTA itself classes a refusal."""
    if word == "Expiration":
        return bounces.of(BounceReason.EXPIRED, confidence=1.0, rule="kumomta:Expiration")
    if word == "AdminBounce":
        return bounces.of(BounceReason.POLICY, 5, confidence=1.0, rule="kumomta:AdminBounce")
    reason = CLASSES.get(kumo_class)
    if reason is None:
        return None
    smtp_class = 4 if event_type is EventType.DEFERRED else 5
    return bounces.of(reason, smtp_class, confidence=0.6, rule=f"kumomta:{kumo_class}")
