"""The load generator's posts are what the product's SendGrid connector verifies and parses."""

from __future__ import annotations

import pytest

from benchmarks.posts import BATCH, Key, Posts
from connectors.base import Context, Request
from connectors.sendgrid import SendGrid
from schemas.config import Source
from schemas.events import EmailEvent


class NoCertificates:
    def get(self, url: str) -> bytes:
        raise AssertionError(url)


def split(raw: bytes) -> Request:
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /webhooks/bench HTTP/1.1"
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    assert int(headers["content-length"]) == len(body)
    return Request(headers=headers, body=body, url="", received_at=int(headers[_STAMP]) * 1000)


_STAMP = "x-twilio-email-event-webhook-timestamp"


def events(raw: bytes, key: Key) -> list[EmailEvent]:
    request = split(raw)
    source = Source.model_validate({"name": "bench", "provider": "sendgrid", "secrets": [key.public]})
    assert SendGrid().verify(request, source, NoCertificates())
    context = Context(tenant="default", source="bench", received_at=request.received_at, recipient_secret="")
    result = SendGrid().parse(request, context)
    assert not result.failures
    return [event for event in result.events if isinstance(event, EmailEvent)]


@pytest.fixture
def key() -> Key:
    return Key()


def test_every_batch_is_signed_and_has_events_that_were_never_posted_before(key: Key) -> None:
    posts = Posts(key, "localhost:1", "aa", 1)
    found = [event for _ in range(5) for event in events(posts.batch(), key)]
    assert len(found) == 5 * BATCH
    assert len({event.event_id for event in found}) == len(found)
    assert all(event.campaign_id.startswith("campaign-") and "@" in event.recipient for event in found)


def test_two_makers_never_give_the_same_event(key: Key) -> None:
    one, two = (Posts(key, "localhost:1", run, 1) for run in ("aa", "bb"))
    assert not {e.event_id for e in events(one.batch(), key)} & {e.event_id for e in events(two.batch(), key)}


def test_a_probe_is_one_event_of_its_own_campaign(key: Key) -> None:
    [event] = events(Posts(key, "localhost:1", "aa", 1).single("probe-7"), key)
    assert (event.campaign_id, event.event_type) == ("probe-7", "delivered")


def test_a_key_survives_the_way_to_another_process(key: Key) -> None:
    assert Key.of_text(key.text()).public == key.public
