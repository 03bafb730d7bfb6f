"""KumoMTA's log records, posted by a log hook: one object, an array, or one object per line.

KumoMTA signs nothing itself; the hook's Lua sets an Authorization header, so a source's secrets are
bearer tokens or `user:password`. Records have no id of their own, and a message has many records, so
event ids come from what happened. Since 2025.12 `recipient` may be a list: one event each.
Source: "Log Record", "Publishing log events via webhooks" (KumoMTA documentation).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from connectors import bounces
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import add, complete
from connectors.feedback import event_type_of
from connectors.json_records import json_records
from connectors.signatures import SharedSecret
from connectors.values import (
    bare_ip,
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


class KumoMta:
    """The connector."""

    name = "kumomta"
    # The hook's Lua decides: the documented one keeps the record queued for any status outside 200-299.
    statuses = StatusPolicy(source="https://docs.kumomta.com/userguide/operation/webhooks")

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:  # noqa: ARG002
        """Bearer token or Basic credentials, against every secret of the source."""
        return SCHEME.verify(request, source)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """One event per record and recipient."""
        result = ParseResult()
        for _, record in json_records(request.body, result, "log record"):
            for recipient in _recipients(record):
                add(result, _event(record, recipient, context))
        return result


def _recipients(record: dict[str, Any]) -> list[str]:
    """Whom the record is about. A feedback report's own recipient is only the mailbox it was sent to."""
    if text(record.get("type")) != "Feedback":
        return texts(record.get("recipient")) or [""]
    report = mapping(record.get("feedback_report"))
    trace = texts(mapping(report.get("supplemental_trace")).get("recipient"))
    removal = texts(mapping(report.get("extensions")).get("removal-recipient"))
    return trace or texts(report.get("original_rcpto_to")) or removal or [""]


def _event(record: dict[str, Any], recipient: str, context: Context) -> EmailEvent:
    get = record.get
    word = text(get("type"))
    report, response, meta = mapping(get("feedback_report")), mapping(get("response")), mapping(get("meta"))
    headers = {name.lower(): _first(value) for name, value in mapping(get("headers")).items()}
    campaign, tenant = _queue_parts(text(get("queue")))
    event_type = TYPES.get(word, EventType.UNKNOWN)
    if word == "Feedback":
        event_type = event_type_of(text(report.get("feedback_type")))
    event = EmailEvent(
        event_id="",
        tenant=context.tenant,
        source=context.source,
        provider=KumoMta.name,
        event_type=event_type,
        occurred_at=from_any_time(get("event_time")) or from_any_time(get("timestamp")),
        received_at=context.received_at,
        provider_event_type=word,
        recipient=recipient,
        message_id=text(get("id")),
        smtp_message_id=message_id(headers.get("message-id")) or _reported_id(report),
        campaign_id=first_text(meta.get("campaign_id"), meta.get("campaign"), campaign),
        variant_id=text(meta.get("variant_id")),
        stream=first_text(meta.get("stream"), meta.get("tenant"), tenant),
        tags=texts(meta.get("tags")),
        metadata=json_object(meta),
        subject=headers.get("subject", ""),
        sending_ip=bare_ip(mapping(get("source_address")).get("address")) or text(report.get("source_ip")),
        ip_pool=text(get("egress_pool")),
        sending_domain=_sending_domain(headers, record, report),
        smtp_code=smtp_code(response.get("code")),
        enhanced_status=_enhanced(response.get("enhanced_code")),
        smtp_response=text(response.get("content")),
        remote_mta=text(mapping(get("peer_address")).get("name")).rstrip(".") if word != "Reception" else "",
        attempt=whole(get("num_attempts"), _MOST_ATTEMPTS),
        complaint_type=text(report.get("feedback_type")),
        sent_at=from_any_time(get("created_time")) or from_any_time(get("created")),
    )
    complete(event, context, hint=_hint(word, event_type, text(get("bounce_classification"))))
    return event


def _first(value: Any) -> str:
    """A logged header's text; the first where several of one name were logged."""
    return next(iter(texts(value)), "")


def _queue_parts(queue: str) -> tuple[str, str]:
    """("campaign", "tenant") of a queue name such as "campaign:tenant@domain"; "" where it has none."""
    scope, at, _ = queue.partition("@")
    if not at:
        return "", ""
    campaign, colon, tenant = scope.partition(":")
    return (campaign, tenant) if colon else ("", campaign)


def _sending_domain(headers: dict[str, str], record: dict[str, Any], report: dict[str, Any]) -> str:
    """The From header's domain if it is logged, else the envelope sender's; a report names it itself."""
    reported = next(iter(texts(report.get("reported_domain"))), "").lower()
    sender = host_domain(headers.get("from")) or host_domain(record.get("sender"))
    return reported if report else sender


def _reported_id(report: dict[str, Any]) -> str:
    found = _MESSAGE_ID.search(text(report.get("original_message"))[:20_000])
    return found[1] if found else ""


def _enhanced(code: Any) -> str:
    """`{"class": 5, "subject": 1, "detail": 1}` as "5.1.1"."""
    parts = mapping(code)
    level, subject, detail = (parts.get(name) for name in ("class", "subject", "detail"))
    if whole(level) not in {2, 4, 5} or type(subject) is not int or type(detail) is not int:
        return ""
    return bounces.codes_in(f"{level}.{subject}.{detail}")[1]


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
