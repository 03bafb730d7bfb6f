"""What a batch says: the facts that decoding each record gives, with the log's clock, and nothing lost."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest

from schemas.aggregates import Tick
from schemas.avro import Codec
from schemas.events import ActivityEvent, EmailEvent, EventType, Machine
from schemas.segments.names import MAIL_EVENTS
from streams.core.segments.arrivals import read_arrivals
from streams.core.segments.fact import Fact, of_activity, of_mail

CODEC = Codec()
START = 1_774_569_600_000
NAMES = {"acme": frozenset({*MAIL_EVENTS, "order_completed", "identify", "page"})}


def mail(number: int, **more: Any) -> EmailEvent:
    given = {"event_type": EventType.DELIVERED, "recipient_key": f"{number % 7:032x}", "tenant": "acme"} | more
    return EmailEvent(
        event_id=f"{number:032x}", source="esp", provider="sendgrid", occurred_at=START + number,
        received_at=START + 10 * number, **given,
    )  # fmt: skip


def activity(number: int, **more: Any) -> ActivityEvent:
    given = {"activity": "track", "name": "Order Completed", "recipient_key": f"{number % 7:032x}", "tenant": "acme"}
    return ActivityEvent(
        event_id=f"{number:032x}", source="shop", provider="segment", occurred_at=START + number,
        received_at=START + 10 * number, **given | more,
    )  # fmt: skip


def facts_of(events: list[Any]) -> list[Fact]:
    return [arrival.fact for arrival in read_arrivals([CODEC.encode(e) for e in events], CODEC, 0, NAMES).facts]


def random_event(number: int, dice: Random) -> EmailEvent | ActivityEvent:
    if dice.random() < 0.5:
        return activity(
            number,
            activity=dice.choice(["track", "identify", "page"]),
            name=dice.choice(["Order Completed", "order  completed", "", "Größe"]),
            properties=dice.choice(["", '{"amount": 5.5, "products": [{"sku": "x"}]}', "[1]", "{broken", '{"url": 1}']),
            traits=dice.choice(["", '{"plan": "trial"}', "5"]),
            url=dice.choice(["", "https://shop.example/a\x1fb"]),
        )
    return mail(
        number,
        event_type=dice.choice(list(EventType)),
        machine=dice.choice(["", Machine.HUMAN, Machine.MACHINE, Machine.UNCERTAIN]),
        tags=dice.choice([[], ["welcome"], ["a", "ü" * 70, ""], ["t"] * 100]),
        metadata=dice.choice(["", '{"order": {"id": 7}}', "null"]),
        stream=dice.choice(["", "marketing", "with\x1fseparator"]),
        subject=dice.choice(["", "Hallo ✉", "\x1f\x1f"]),
        message_id=dice.choice(["", "m1"]),
    )


def test_facts_read_as_columns_are_those_of_decoded_records() -> None:
    dice = Random(5)
    events = [random_event(number, dice) for number in range(1_500)]
    expected, clock = [], 0
    for event in events:
        clock = max(clock, event.received_at)
        expected.append(of_mail(event, clock) if isinstance(event, EmailEvent) else of_activity(event, clock))
    found = facts_of(events)
    assert [fact.name for fact in found] == [fact.name for fact in expected]
    assert [fact for fact in found if fact.name in NAMES["acme"]] == [f for f in expected if f.name in NAMES["acme"]]
    assert [fact._replace(properties={}) for fact in found] == [fact._replace(properties={}) for fact in expected]


def test_properties_are_not_made_where_no_rule_looks_at_the_name_but_traits_are() -> None:
    event = activity(1, name="Something", properties='{"a": 1}', traits='{"plan": "trial"}')
    (fact,) = facts_of([event])
    assert (fact.name, fact.properties, fact.traits) == ("something", {}, {"plan": "trial"})


def test_the_clock_is_the_highest_receipt_time_or_tick_so_far() -> None:
    values = [
        CODEC.encode(mail(5)),
        CODEC.encode(Tick(at=START + 2_000, writer="w")),
        None,
        CODEC.encode(activity(6)),
        CODEC.encode(mail(900)),
        CODEC.encode(Tick(at=START, writer="w")),
    ]
    batch = read_arrivals(values, CODEC, START + 40, NAMES)
    assert [arrival.fact.known_at - START for arrival in batch.facts] == [50, 2_000, 9_000]
    assert [arrival.place for arrival in batch.facts] == [0, 3, 4]
    assert (batch.clock, batch.events, batch.broken) == (START + 9_000, 3, {})
    assert read_arrivals([], CODEC, 7, NAMES).clock == 7


def test_events_about_nobody_and_of_tenants_without_segments_are_counted_and_no_fact() -> None:
    batch = read_arrivals(
        [CODEC.encode(mail(1, tenant="other")), CODEC.encode(activity(2, recipient_key="")), CODEC.encode(mail(3))],
        CODEC, 0, NAMES,
    )  # fmt: skip
    assert [arrival.place for arrival in batch.facts] == [2]
    assert batch.events == 3
    assert batch.facts[0].recipient == b"acme:" + f"{3:032x}".encode()


@pytest.mark.parametrize("at", [0, 1])
def test_what_cannot_be_read_is_named_by_its_place_and_the_rest_is_read(at: int) -> None:
    good = [CODEC.encode(mail(1)), CODEC.encode(activity(2))]
    short, foreign = good[at][:-9], good[at].replace(b"acme", b"ac\xff\xfe")
    batch = read_arrivals([short, good[0], b"nonsense", foreign, good[1]], CODEC, 0, NAMES)
    assert [arrival.place for arrival in batch.facts] == [1, 4]
    assert sorted(batch.broken) == [0, 2, 3]
    assert json.dumps([str(error) for error in batch.broken.values()])
