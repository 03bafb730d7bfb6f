"""What Brevo needs that others do not: one status for every retry, and custom headers of any form."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.base import Context, Request
from connectors.brevo import Brevo
from schemas.events import EmailEvent

CONTEXT = Context(tenant="acme", source="src", received_at=1_767_225_600_000)


def event_of(**fields: Any) -> EmailEvent:
    body = json.dumps({"event": "delivered", "email": "ada@example.com", **fields}).encode()
    (event,) = Brevo().parse(Request(headers={}, body=body), CONTEXT).events
    assert isinstance(event, EmailEvent)
    return event


def test_whatever_brevo_shall_send_again_is_answered_with_429() -> None:
    statuses = Brevo.statuses
    assert {statuses.overloaded, statuses.unavailable, statuses.slow_body} == {429}


@pytest.mark.parametrize(
    ("custom", "metadata"),
    [
        ('{"order": 17}', '{"order":17}'),
        ("order:17|kind:gift", '{"order":"17","kind":"gift"}'),
        ("at:12:30", '{"at":"12:30"}'),
        ("https://shop.example/17", '{"X-Mailin-custom":"https://shop.example/17"}'),
        ("order:17|gift", '{"X-Mailin-custom":"order:17|gift"}'),
        ("12:30", '{"X-Mailin-custom":"12:30"}'),
        ("some_custom_header", '{"X-Mailin-custom":"some_custom_header"}'),
        ("", ""), (None, ""),
    ],
)  # fmt: skip
def test_a_custom_header_is_json_or_pairs_or_kept_as_it_is(custom: Any, metadata: str) -> None:
    assert event_of(**{"X-Mailin-custom": custom}).metadata == metadata


@pytest.mark.parametrize(
    ("times", "occurred_at"),
    [
        ({"ts_epoch": 1_767_222_000_123, "ts_event": 1_767_225_600, "ts": 1_767_218_400}, 1_767_222_000_123),
        ({"ts_epoch": 1_767_222_000}, 1_767_222_000_000),
        ({"ts_event": 1_767_222_000, "ts": 1_767_218_400}, 1_767_222_000_000),
        ({"ts": 1_767_222_000}, 1_767_222_000_000),
        ({"date": "2026-01-01 00:00:00"}, CONTEXT.received_at),
    ],
)
def test_the_time_is_the_one_that_is_utc_in_fact(times: dict[str, Any], occurred_at: int) -> None:
    assert event_of(**times).occurred_at == occurred_at


@pytest.mark.parametrize(
    ("fields", "tags"),
    [
        ({"tags": ["a", "b"], "tag": '["c"]'}, ["a", "b"]),
        ({"tag": '["a","b"]'}, ["a", "b"]),
        ({"tag": "a"}, ["a"]),
        ({"tag": "[a"}, ["[a"]),
        ({"tag": ""}, []),
    ],
)
def test_tags_come_as_a_list_as_json_or_as_one(fields: dict[str, Any], tags: list[str]) -> None:
    assert event_of(**fields).tags == tags


def test_ip_addresses_of_readers_are_never_taken_for_sending_ones() -> None:
    opened, delivered = (event_of(event=word, sending_ip="192.0.2.7") for word in ("unique_opened", "delivered"))
    assert (opened.client_ip, opened.sending_ip) == ("192.0.2.7", "")
    assert (delivered.client_ip, delivered.sending_ip) == ("", "192.0.2.7")
