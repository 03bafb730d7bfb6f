"""The normaliser: every readable event goes out under its recipient's key, the rest becomes dead letters."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.base import Certificates, Connector, Context, Failure, ParseResult, Request, StatusPolicy, Verdict
from schemas.avro import Codec
from schemas.config import Config, Source
from schemas.envelope import RawWebhook
from schemas.errors import FailureCode, Misconfigured
from schemas.events import EmailEvent, EventType
from schemas.failures import DeadLetter
from schemas.identity import partition_key
from schemas.reports import AuthReport, StandingReport
from schemas.topics import AUTH_REPORTS, DEAD_LETTERS, EMAIL_EVENTS, STANDING_REPORTS, WEBHOOKS
from streams.agents.normalise import Normaliser
from streams.kafka import Record
from streams.lane.part import Batch, Part
from streams.telemetry import Telemetry

CODEC = Codec()


class Words:
    """A connector whose events are the words of the body: "bad" is unreadable, "boom" is a defect of ours."""

    name = "words"
    statuses = StatusPolicy(source="made up")

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        raise AssertionError("the gateway verifies, the normaliser does not")

    def parse(self, request: Request, context: Context) -> ParseResult:
        result = ParseResult()
        for index, word in enumerate(request.body.decode().split()):
            if word == "boom":
                raise ZeroDivisionError("boom")
            if word == "bad":
                result.failures.append(
                    Failure(code=FailureCode.ITEM_UNREADABLE, reason="bad", item=b"bad", index=index)
                )
                continue
            if word == "push":
                result.passed_over.append(word)
                continue
            event = EmailEvent(
                event_id=word, tenant=context.tenant, source=context.source, provider="words",
                event_type=EventType.DELIVERED, occurred_at=1, received_at=context.received_at, recipient_key=word,
                raw_index=index,
            )  # fmt: skip
            result.events.append(event)
        return result


def find(name: str) -> Connector:
    if name != "words":
        raise Misconfigured(f"no provider {name!r}")
    return Words()


def raw(body: str, provider: str = "words") -> bytes:
    return CODEC.encode(
        RawWebhook(
            request_id="r", tenant="acme", source="s", provider=provider, received_at=5, url="", body=body.encode()
        )
    )


def made(*values: bytes | None) -> list[Record]:
    part: Part[Any] = Part(2, None, fetched=0, next=0)
    batch = Batch(part, 0, 10, 10 + len(values), list(values), list(range(10, 10 + len(values))))
    return Normaliser(Config(), CODEC, find, Telemetry()).records(batch)


def letters(records: list[Record]) -> list[DeadLetter]:
    return [CODEC.decode(r.value or b"", DeadLetter) for r in records if r.topic == DEAD_LETTERS.name]


def events(records: list[Record]) -> list[EmailEvent]:
    return [CODEC.decode(r.value or b"", EmailEvent) for r in records if r.topic == EMAIL_EVENTS.name]


def test_events_go_out_under_their_recipients_key_and_point_at_the_raw_record() -> None:
    records = made(raw("ann bob"), raw("ann"))
    assert [record.key for record in records] == [partition_key("acme", name) for name in ("ann", "bob", "ann")]
    assert [(e.raw_topic, e.raw_partition, e.raw_offset, e.raw_index) for e in events(records)] == [
        (WEBHOOKS.name, 2, 10, 0),
        (WEBHOOKS.name, 2, 10, 1),
        (WEBHOOKS.name, 2, 11, 0),
    ]


def test_rows_of_reports_go_to_a_topic_of_their_own() -> None:
    class Reports(Words):
        def parse(self, request: Request, context: Context) -> ParseResult:
            row = AuthReport(
                event_id="1", tenant="acme", source="s", provider="words", received_at=5, kind="dmarc",
                domain="shop.example",
            )  # fmt: skip
            return ParseResult(events=[row])

    part: Part[Any] = Part(2, None, fetched=0, next=0)
    batch = Batch(part, 0, 10, 11, [raw("x")], [10])
    stats = Telemetry()
    (record,) = Normaliser(Config(), CODEC, lambda _: Reports(), stats).records(batch)
    found = CODEC.decode(record.value or b"", AuthReport)
    assert (record.topic, record.key) == (AUTH_REPORTS.name, partition_key("acme", "shop.example"))
    assert (found.raw_topic, found.raw_offset) == (WEBHOOKS.name, 10)
    assert stats.registry.get_sample_value("mailweir_events_total", {"provider": "words", "event_type": "dmarc"}) == 1


@pytest.mark.parametrize(("domain", "ip"), [("shop.example", ""), ("", "192.0.2.10")])
def test_what_a_mailbox_provider_says_goes_to_its_topic_by_domain_or_ip(domain: str, ip: str) -> None:
    class Standing(Words):
        def parse(self, request: Request, context: Context) -> ParseResult:
            row = StandingReport(
                event_id="1", tenant="acme", source="s", provider="words", received_at=5, metric="spam_rate",
                domain=domain, sending_ip=ip,
            )  # fmt: skip
            return ParseResult(events=[row])

    part: Part[Any] = Part(2, None, fetched=0, next=0)
    batch = Batch(part, 0, 10, 11, [raw("x")], [10])
    stats = Telemetry()
    (record,) = Normaliser(Config(), CODEC, lambda _: Standing(), stats).records(batch)
    found = CODEC.decode(record.value or b"", StandingReport)
    assert (record.topic, record.key) == (STANDING_REPORTS.name, partition_key("acme", domain or ip))
    assert (found.raw_topic, found.raw_offset) == (WEBHOOKS.name, 10)
    labels = {"provider": "words", "event_type": "standing"}
    assert stats.registry.get_sample_value("mailweir_events_total", labels) == 1


def test_a_batch_is_made_in_parts_each_when_it_is_asked_for() -> None:
    read: list[str] = []

    class Reading(Words):
        def parse(self, request: Request, context: Context) -> ParseResult:
            read.append(request.body.decode())
            return super().parse(request, context)

    part: Part[Any] = Part(2, None, fetched=0, next=0)
    values: list[bytes | None] = [raw(f"word{number}") for number in range(50)]
    batch = Batch(part, 0, 0, 50, values, list(range(50)))
    parts = Normaliser(Config(), CODEC, lambda _: Reading(), Telemetry()).parts(batch)
    next(parts)
    assert 0 < len(read) < 50
    list(parts)
    assert read == [f"word{number}" for number in range(50)]


def test_what_was_made_is_counted_by_provider_and_type() -> None:
    stats = Telemetry()
    part: Part[Any] = Part(2, None, fetched=0, next=0)
    batch = Batch(part, 0, 0, 2, [raw("ann bob bad push push"), raw("ann")], [0, 1])
    Normaliser(Config(), CODEC, find, stats).records(batch)
    count = stats.registry.get_sample_value
    assert count("mailweir_events_total", {"provider": "words", "event_type": "delivered"}) == 3
    assert count("mailweir_dead_letters_total", {"stage": "normalise", "code": "item_unreadable"}) == 1
    assert count("mailweir_passed_over_total", {"provider": "words"}) == 2


def test_one_bad_item_never_sinks_its_request() -> None:
    records = made(raw("ann bad bob"))
    assert [event.event_id for event in events(records)] == ["ann", "bob"]
    (letter,) = letters(records)
    assert (letter.code, letter.item_index, letter.original, letter.origin_offset) == ("item_unreadable", 1, b"bad", 10)


def test_a_core_function_that_raises_costs_one_dead_letter_with_the_whole_record() -> None:
    records = made(raw("ann"), raw("bob boom"), raw("cid"))
    assert [event.event_id for event in events(records)] == ["ann", "cid"]
    (letter,) = letters(records)
    assert (letter.code, letter.origin_offset) == ("unexpected", 11)
    assert CODEC.decode(letter.original, RawWebhook).body == b"bob boom"


def test_bytes_that_are_no_record_of_ours_are_dead_lettered_as_they_are() -> None:
    records = made(b"junk", raw("ann"), None)
    assert [event.event_id for event in events(records)] == ["ann"]
    assert [(letter.code, letter.original) for letter in letters(records)] == [
        ("undecodable", b"junk"),
        ("undecodable", b""),
    ]


def test_a_provider_that_left_the_code_keeps_its_bytes() -> None:
    (letter,) = letters(made(raw("ann", provider="gone")))
    assert (letter.code, letter.original, letter.source) == ("unknown_source", b"ann", "s")


def test_the_same_record_read_twice_makes_the_same_dead_letter() -> None:
    first, again = letters(made(raw("bad boom"), b"junk")), letters(made(raw("bad boom"), b"junk"))
    assert [letter.dead_letter_id for letter in first] == [letter.dead_letter_id for letter in again]
