"""Everything that anymail says, our events say too."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime

import pytest

from connectors.anymail import REJECT_REASONS, TYPES, TrackingEvent, tracking_event
from schemas.events import BounceReason, EmailEvent, EventType
from tests.contract.cases import CASES, parse_case

# Their documentation, "Tracking sent mail status".
THEIR_TYPES = {
    "queued", "sent", "rejected", "failed", "bounced", "deferred", "delivered", "autoresponded", "opened", "clicked",
    "complained", "unsubscribed", "subscribed", "unknown",
}  # fmt: skip
ABOUT_RECEIVED_MAIL = {"inbound", "inbound_failed"}
THEIR_REASONS = {"invalid", "bounced", "timed_out", "blocked", "spam", "unsubscribed", "other"}
THEIR_FIELDS = {
    "event_type", "timestamp", "event_id", "esp_event", "click_url", "description", "message_id", "metadata",
    "mta_response", "recipient", "reject_reason", "tags", "user_agent", "esp_name",
}  # fmt: skip


def event(**changes: object) -> EmailEvent:
    given: dict[str, object] = {
        "event_id": "a" * 32, "tenant": "acme", "source": "s", "provider": "mailgun", "event_type": EventType.BOUNCED,
        "occurred_at": 1_767_225_600_000, "received_at": 0,
    }  # fmt: skip
    return EmailEvent(**(given | changes))  # type: ignore[arg-type]


def test_all_their_types_reasons_and_fields_are_there() -> None:
    assert set(TYPES.values()) == THEIR_TYPES
    assert len(THEIR_TYPES | ABOUT_RECEIVED_MAIL) == 16
    reasons = {tracking_event(event(bounce_reason=reason)).reject_reason for reason in BounceReason}
    reasons.add(tracking_event(event(event_type=EventType.UNSUBSCRIBED)).reject_reason)
    assert reasons == THEIR_REASONS
    assert {item.name for item in fields(TrackingEvent)} == THEIR_FIELDS
    assert len(THEIR_FIELDS) == 14
    assert set(REJECT_REASONS.values()) < THEIR_REASONS


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("mailgun:suppress-complaint", "spam"),
        ("mailgun:suppress-unsubscribe", "unsubscribed"),
        ("mailgun:suppress-bounce", "bounced"),
        ("sendgrid:invalid", "invalid"),
        ("azure:blocklist", "blocked"),
    ],
)
def test_why_a_service_suppressed_is_kept(rule: str, reason: str) -> None:
    found = event(event_type=EventType.REJECTED, bounce_reason=BounceReason.SUPPRESSED, bounce_rule=rule)
    assert tracking_event(found).reject_reason == reason


def test_an_event_says_when_whom_and_where_the_original_lies() -> None:
    found = tracking_event(
        event(
            event_type=EventType.CLICKED, recipient="ada@example.com", url="https://shop.example/x", metadata='{"a":1}',
            raw_topic="t", raw_partition=2, raw_offset=7, raw_index=3, message_id="m-1", provider_event_type="clicked",
        )
    )  # fmt: skip
    assert found.timestamp == datetime(2026, 1, 1, tzinfo=UTC)
    assert (found.recipient, found.click_url, found.metadata) == ("ada@example.com", "https://shop.example/x", {"a": 1})
    assert (found.esp_event, found.esp_name, found.message_id) == ("t:2:7:3", "mailgun", "m-1")
    assert found.reject_reason is None


def test_every_event_of_every_fixture_has_such_a_view() -> None:
    for case in CASES:
        for found in parse_case(case).events:
            if isinstance(found, EmailEvent):
                view = tracking_event(found)
                assert view.event_type in THEIR_TYPES
                assert view.reject_reason in {None, *THEIR_REASONS}
