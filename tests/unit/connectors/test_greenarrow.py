"""What GreenArrow reports several times counts once, and the answer is the one it waits for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Context, Request
from connectors.greenarrow import GreenArrow
from schemas.config import Source
from schemas.events import EmailEvent
from tests.contract.signers.ses import FakeCertificates

FIXTURES = Path(__file__).parents[2] / "fixtures" / "webhooks" / "greenarrow"
CONTEXT = Context(tenant="acme", source="src", received_at=1_767_225_600_000)


def events(items: list[dict[str, Any]]) -> list[EmailEvent]:
    result = GreenArrow().parse(Request(headers={}, body=json.dumps(items).encode()), CONTEXT)
    return [event for event in result.events if isinstance(event, EmailEvent)]


def items(case: str) -> list[dict[str, Any]]:
    found = json.loads((FIXTURES / case / "body.json").read_text())
    return found if isinstance(found, list) else [found]


def reports(tracking: str) -> list[EmailEvent]:
    """The three reports of one failed message."""
    found = items("delivery_attempts")[2:3] + items("bounce_all")[:1] + items("bounce_bad_address")
    return events([{**item, "click_tracking_id": tracking} for item in found])


def test_three_reports_of_one_failed_message_are_one_event() -> None:
    assert {event.event_type for event in reports("42-7-cyd")} == {"bounced"}
    assert len({event.event_id for event in reports("42-7-cyd")}) == 1
    assert {event.provider_event_id for event in reports("42-7-cyd")} == {"01J0C", "01J1A", "01J2A"}


def test_without_a_tracking_id_nothing_says_that_they_are_one() -> None:
    assert len({event.event_id for event in reports("")}) == 3


def test_other_messages_and_other_kinds_keep_ids_of_their_own() -> None:
    first = items("bounce_all")[0]
    other = events([first, {**first, "sendid": "other"}, {**first, "email": "x@example.com"}, *items("engagement")])
    assert len({event.event_id for event in other}) == len(other)


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer a-token"}])
def test_the_answer_holds_the_word_that_the_legacy_processor_waits_for(headers: dict[str, str]) -> None:
    source = Source.model_validate({"name": "inbox", "provider": "greenarrow", "secrets": ["other", "a-token"]})
    url = "https://hooks.example.com/webhooks/inbox" + ("" if headers else "?token=a-token")
    verdict = GreenArrow().verify(Request(headers=headers, body=b"[]", url=url), source, FakeCertificates())
    assert (verdict.reply, verdict.secret_index) == (b"ok", 1)
