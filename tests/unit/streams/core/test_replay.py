"""What may be processed again: by topic, by what a letter is about, by whether the record is still the letter's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.config import Config
from schemas.envelope import RawWebhook
from schemas.identity import digest
from schemas.topics import DECISIONS, EMAIL_EVENTS, RECIPIENT_EVENTS, SEGMENT_TRANSITIONS, TOPICS, WEBHOOKS
from streams.core.replay import AGAIN, COUNTED_MS, Letter, as_configured, consequences, gone, is_same, objection

RAW = RawWebhook(request_id="r", tenant="acme", source="hooks", provider="mailgun", received_at=5, url="", body=b"[]")
LETTER = Letter(
    dead_letter_id=digest(WEBHOOKS.name, 0, 7, -1),
    tenant="acme",
    source="hooks",
    stage="normalise",
    code="wrong_shape",
    received_at=5,
    topic=WEBHOOKS.name,
    partition=0,
    offset=7,
    item_index=-1,
)


@pytest.mark.parametrize("topic", [topic.name for topic in TOPICS])
def test_only_topics_whose_readers_know_a_record_by_its_id_get_it_again(topic: str) -> None:
    letter = replace(LETTER, topic=topic, dead_letter_id=digest(topic, 0, 7, -1))
    assert bool(objection(letter)) == (topic not in AGAIN)


def test_a_decision_is_not_put_back_into_the_log() -> None:
    assert "its writer says anew what counts" in objection(replace(LETTER, topic=DECISIONS.name))


def test_a_recipients_turn_is_not_mended_by_the_record_behind_which_it_came() -> None:
    at = digest(RECIPIENT_EVENTS.name, 0, 7, -1)
    assert not objection(replace(LETTER, topic=RECIPIENT_EVENTS.name, dead_letter_id=at))
    turn = replace(LETTER, topic=RECIPIENT_EVENTS.name, dead_letter_id=digest(at, "ada"))
    assert "turn of a recipient" in objection(turn)


def test_a_log_that_began_anew_has_other_records_at_the_same_place() -> None:
    assert is_same(LETTER, b"..", RAW)
    assert not is_same(LETTER, b"..", replace(RAW, received_at=6))
    assert not is_same(LETTER, b"..", None)
    unread = replace(LETTER, tenant="", source="", original=b"\xff")
    assert is_same(unread, b"\xff", None)
    assert not is_same(unread, b"other", None)
    assert is_same(replace(unread, item_index=2, topic=EMAIL_EVENTS.name), b"..", None)


def test_a_request_takes_the_provider_that_its_source_has_now_and_keeps_the_rest() -> None:
    sources = [{"name": "hooks", "provider": "sendgrid", "is_unsigned": True}]
    mended = as_configured(RAW, Config.model_validate({"sources": sources}))
    assert mended == replace(RAW, provider="sendgrid")
    assert as_configured(RAW, Config()) is RAW


def test_people_are_told_what_a_replay_does_not_undo() -> None:
    assert consequences({WEBHOOKS.name: COUNTED_MS}) == []
    assert "not counted for reputation again" in consequences({WEBHOOKS.name: COUNTED_MS + 1})[0]
    assert "called again" in consequences({SEGMENT_TRANSITIONS.name: 0})[0]


def test_a_record_that_is_gone_is_said_to_be_with_the_time_it_was_kept() -> None:
    assert "no longer in mailweir.webhooks.v1, which keeps records for 7 days" in gone(LETTER)
    assert gone(replace(LETTER, item_index=2)).startswith("the request that the item came in is no longer")
