"""The shop's calls: what customers do, when, and that the connector reads each as it was meant."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from itertools import pairwise
from typing import Any

from connectors.base import Context, Request
from connectors.registry import connector
from schemas.config_file import parse_config
from schemas.events import ActivityEvent
from streams.simulator.packer import Parcel
from streams.simulator.scenarios import scenario_named
from streams.simulator.shop import SOURCE, Shop
from streams.simulator.simulator import STEP_S, Simulator
from tests.unit.streams.simulator.plays import NOW, play, world_of

WALL_S = NOW.timestamp()
SECONDS = 60


@cache
def packed(scenario: str, seed: int = 7) -> list[Parcel]:
    """A minute of ten visits a second."""
    shop = Shop(world_of("healthy").customers, 10, scenario_named(scenario).disturbance, seed)
    steps = (step * STEP_S for step in range(1, int(SECONDS / STEP_S)))
    return [parcel for at_s in steps for parcel in shop.pack(at_s, WALL_S + at_s)]


def calls_of(parcels: list[Parcel]) -> list[dict[str, Any]]:
    return [call for parcel in parcels for call in json.loads(parcel.post.body)["batch"]]


def test_the_same_seed_makes_the_same_calls_and_another_seed_others() -> None:
    ids = [[call["messageId"] for call in calls_of(packed.__wrapped__("healthy", seed))] for seed in (3, 3, 4)]
    assert ids[0] == ids[1]
    assert set(ids[0]).isdisjoint(ids[2])


def test_carts_are_begun_and_paid_some_in_time_some_late_some_never() -> None:
    calls = calls_of(packed("healthy"))
    kinds = Counter(call.get("event", call["type"]) for call in calls)
    assert 0.5 < kinds["Checkout Started"] / kinds["page"] < 0.7
    assert 0.5 < kinds["Order Completed"] / kinds["Checkout Started"] < 0.75
    assert 0 < kinds["Order Cancelled"] < kinds["Order Completed"] / 4
    begun = {c["properties"]["cart_id"]: c["timestamp"] for c in calls if c.get("event") == "Checkout Started"}
    paid = [(c["properties"]["cart_id"], c["timestamp"]) for c in calls if c.get("event") == "Order Completed"]
    took_s = sorted(float(at[17:23]) - float(begun[cart][17:23]) for cart, at in paid if at[:17] == begun[cart][:17])
    assert took_s[0] < 3 < 10 < took_s[-1]


def test_calls_are_posted_within_a_fifth_of_a_second_and_none_before_it_happened() -> None:
    times = [
        (call["timestamp"], json.loads(p.post.body)["sentAt"]) for p in packed("healthy") for call in calls_of([p])
    ]
    assert all(at <= sent for at, sent in times)
    assert max(float(sent[17:23]) - float(at[17:23]) for at, sent in times if at[:17] == sent[:17]) < 0.25
    assert len({sent for _, sent in times}) > 100


def test_flaky_delivery_repeats_and_delays_the_same_bytes() -> None:
    parcels = packed("flaky")
    bodies = Counter(parcel.post.body for parcel in parcels)
    assert 0.2 < sum(1 for n in bodies.values() if n > 1) / len(bodies) < 0.4
    assert max(parcel.delay_s for parcel in parcels) > 1
    assert all([c["messageId"] for c in calls_of([p])] == list(p.post.activities) for p in parcels)


def test_the_connector_verifies_and_reads_every_call_as_it_was_meant() -> None:
    run = Simulator("healthy", 7, 500, 20, lambda: WALL_S)
    source = parse_config(run.config("http://127.0.0.1:9"), {}, "the simulator's settings").source(SOURCE)
    assert source is not None
    parcels = [p for step in range(1, 500) for p in run.shop.pack(step * STEP_S, WALL_S + step * STEP_S)]
    assert len(calls_of(parcels)) > 100
    reader = connector(source.provider)
    for parcel in parcels:
        post = parcel.post
        headers = {name.lower(): value for name, value in post.headers.items()}
        request = Request(headers=headers, body=post.body, received_at=int(WALL_S * 1000))
        reader.verify(request, source, {})  # type: ignore[arg-type]  # no certificates in it
        context = Context(tenant=source.tenant, source=source.name, received_at=0, recipient_secret="k")
        result = reader.parse(request, context)
        assert not result.failures
        events = [event for event in result.events if isinstance(event, ActivityEvent)]
        assert tuple(event.provider_event_id for event in events) == post.activities
        for event, call in zip(events, calls_of([parcel]), strict=True):
            assert event.recipient == call["context"]["traits"]["email"]
            assert event.name == call.get("event", "Page Viewed")
            assert json.loads(event.properties).get("cart_id") == call["properties"].get("cart_id")


def test_customers_get_several_mails_and_a_bought_list_has_none_of_them() -> None:
    world = world_of("bad-list", events=20_000)
    mails = Counter[str]()
    for happening in play(world):
        if happening.kind == "queued":
            mails[happening.message.recipient] += 1
            if happening.message.campaign.name == "winter-clearance":
                assert happening.message.recipient not in {each.address for each in world.customers}
    numbers = sorted(mails[customer.address] for customer in world.customers)
    assert numbers[len(numbers) // 2] >= 3
    assert {customer.mailbox.domain for customer in world.customers} > {"gmail.com", "outlook.com"}
    assert all(first != second for first, second in pairwise(sorted(c.address for c in world.customers)))
