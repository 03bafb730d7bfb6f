"""How rough the delivery is, measured over many requests without posting them."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache

from streams.simulator.packer import Packer, Parcel
from streams.simulator.scenarios import scenario_named
from streams.simulator.truth import PostKind
from tests.unit.streams.simulator.plays import NOW, PROVIDERS, START_MS, world_of

WALL_S = NOW.timestamp()


@cache
def packed(scenario: str) -> list[Parcel]:
    seed, events = 7, 6_000
    world = world_of(scenario, seed=seed, events=events)
    packer = Packer(world, PROVIDERS, scenario_named(scenario).disturbance, seed)
    parcels: list[Parcel] = []
    for step in range(1, 601):
        parcels += packer.pack(world.step(START_MS + step * 60_000), step, WALL_S)
    return [*parcels, *packer.finish(WALL_S)]


def test_lists_hold_many_events_and_single_formats_one() -> None:
    sizes: dict[str, Counter[int]] = {}
    for parcel in packed("healthy"):
        sizes.setdefault(parcel.post.source, Counter())[len(parcel.post.facts)] += 1
    assert set(sizes["mailgun"]) == set(sizes["ses"]) == {1}
    assert max(sizes["sendgrid"]) <= 50
    assert max(sizes["sendgrid"]) > 10
    assert max(sizes["kumomta"]) > 10


def test_flaky_delivery_repeats_forges_and_garbles_about_as_often_as_it_says() -> None:
    parcels = packed("flaky")
    kinds = Counter(parcel.post.kind for parcel in parcels)
    bodies = Counter(parcel.post.body for parcel in parcels if parcel.post.kind is PostKind.GENUINE)
    assert 0.25 < sum(1 for n in bodies.values() if n > 1) / len(bodies) < 0.35
    assert max(bodies.values()) == 3
    assert 0.035 < kinds[PostKind.FORGED] / len(bodies) < 0.065
    assert 0.003 < kinds[PostKind.GARBAGE] / len(bodies) < 0.02
    assert 0 < max(parcel.delay_s for parcel in parcels) <= 6.0


def test_a_repeat_is_the_same_bytes_with_the_same_events() -> None:
    facts: dict[bytes, set[tuple[object, ...]]] = {}
    for parcel in packed("flaky"):
        facts.setdefault(parcel.post.body, set()).add(parcel.post.facts)
    assert all(len(variants) == 1 for variants in facts.values())


def test_unreadable_parts_are_counted_where_they_stand() -> None:
    with_parts = 0
    for parcel in packed("flaky"):
        post = parcel.post
        if post.kind is PostKind.GENUINE and post.source in {"sendgrid", "kumomta"}:
            strange = sum(1 for item in json.loads(post.body) if not isinstance(item, dict))
            assert strange == post.unreadable
            with_parts += strange
    assert with_parts > 0


def test_forged_events_are_about_messages_that_never_were() -> None:
    parcels = packed("flaky")
    genuine = {fact.key.message_id for p in parcels if p.post.kind is PostKind.GENUINE for fact in p.post.facts}
    forged = {fact.key.message_id for p in parcels if p.post.kind is PostKind.FORGED for fact in p.post.facts}
    assert forged
    assert forged.isdisjoint(genuine)


def test_healthy_delivery_is_orderly_but_not_perfect() -> None:
    parcels = packed("healthy")
    kinds = Counter(parcel.post.kind for parcel in parcels)
    assert 0 < kinds[PostKind.FORGED] < len(parcels) * 0.02
    assert kinds[PostKind.GARBAGE] == 0
