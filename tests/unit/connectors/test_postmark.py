"""Every bounce type that Postmark documents, and what its subscription changes mean."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.base import Context, Request
from connectors.postmark import BOUNCES, REASONS, Postmark
from schemas.events import BounceReason, EmailEvent, EventType

CONTEXT = Context(tenant="acme", source="src", received_at=1_767_225_600_000)
# "Bounce types" (Postmark documentation), with what each means here.
DOCUMENTED: dict[str, EventType] = {
    "HardBounce": EventType.BOUNCED,
    "Transient": EventType.DEFERRED,
    "Unsubscribe": EventType.UNSUBSCRIBED,
    "Subscribe": EventType.SUBSCRIBED,
    "AutoResponder": EventType.AUTORESPONDED,
    "AddressChange": EventType.AUTORESPONDED,
    "DnsError": EventType.DEFERRED,
    "SpamNotification": EventType.BOUNCED,
    "OpenRelayTest": EventType.UNKNOWN,
    "Unknown": EventType.BOUNCED,
    "SoftBounce": EventType.BOUNCED,
    "VirusNotification": EventType.BOUNCED,
    "ChallengeVerification": EventType.AUTORESPONDED,
    "BadEmailAddress": EventType.REJECTED,
    "SpamComplaint": EventType.COMPLAINED,
    "ManuallyDeactivated": EventType.REJECTED,
    "Unconfirmed": EventType.REJECTED,
    "Blocked": EventType.BOUNCED,
    "SMTPApiError": EventType.FAILED,
    "InboundError": EventType.UNKNOWN,
    "DMARCPolicy": EventType.BOUNCED,
    "TemplateRenderingFailed": EventType.FAILED,
}


def event_of(**fields: Any) -> EmailEvent:
    (event,) = Postmark().parse(Request(headers={}, body=json.dumps(fields).encode()), CONTEXT).events
    assert isinstance(event, EmailEvent)
    return event


@pytest.mark.parametrize(("kind", "event_type"), DOCUMENTED.items())
def test_a_documented_bounce_type_means_this(kind: str, event_type: EventType) -> None:
    event = event_of(RecordType="Bounce", Type=kind, ID=7, Email="ada@example.com")
    assert event.event_type == event_type
    if kind in REASONS:
        assert (event.bounce_reason, event.bounce_rule) == (REASONS[kind][0], f"postmark:{kind}")


def test_no_type_is_mapped_that_postmark_does_not_have() -> None:
    assert set(BOUNCES) | set(REASONS) <= set(DOCUMENTED)


def test_a_bounce_type_to_come_is_a_bounce() -> None:
    assert event_of(RecordType="Bounce", Type="NewKind").event_type == EventType.BOUNCED


@pytest.mark.parametrize("reason", ["HardBounce", "SpamComplaint"])
def test_an_address_suppressed_after_a_bounce_or_complaint_counts_as_neither_again(reason: str) -> None:
    event = event_of(RecordType="SubscriptionChange", SuppressSending=True, SuppressionReason=reason)
    assert (event.event_type, event.bounce_reason) == (EventType.REJECTED, BounceReason.SUPPRESSED)


@pytest.mark.parametrize(
    "fields", [{"ErrorCode": 406}, {"Message": "Inactive recipient"}, {"Description": "suppressed"}]
)
def test_smtp_to_an_inactive_recipient_is_rejected_as_suppressed(fields: dict[str, Any]) -> None:
    event = event_of(RecordType="SMTPApiError", **fields)
    assert (event.event_type, event.bounce_reason) == (EventType.REJECTED, BounceReason.SUPPRESSED)
