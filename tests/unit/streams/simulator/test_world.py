"""Who sends what: deterministic, believable, and obedient to pauses."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest

from streams.simulator.behaviour import Happening
from streams.simulator.replies import Cause
from streams.simulator.scenarios import SCENARIOS, scenario_named
from tests.unit.streams.simulator.plays import START_MS, play, world_of

Seen = list[tuple[int, str, str, str]]


def seen(happenings: list[Happening]) -> Seen:
    return [(h.at, h.kind, h.message.message_id, h.message.recipient) for h in happenings]


def causes(happenings: list[Happening]) -> Counter[Cause]:
    return Counter(h.reply.cause for h in happenings if h.kind == "bounced" and h.reply and h.reply.cause)


@pytest.mark.parametrize("scenario", [scenario.name for scenario in SCENARIOS])
def test_the_same_seed_makes_the_same_events_and_another_seed_others(scenario: str) -> None:
    first, again = play(world_of(scenario, seed=3)), play(world_of(scenario, seed=3))
    assert seen(first) == seen(again)
    assert {h.message.message_id for h in first}.isdisjoint(
        h.message.message_id for h in play(world_of(scenario, seed=4))
    )


def test_the_size_of_a_step_does_not_change_what_is_sent() -> None:
    assert Counter(h.message.campaign.name for h in play(world_of("healthy"), steps=50)) == pytest.approx(
        Counter(h.message.campaign.name for h in play(world_of("healthy"), steps=500)), rel=0.02
    )


@pytest.mark.parametrize("scenario", [scenario.name for scenario in SCENARIOS])
def test_no_two_events_are_alike(scenario: str) -> None:
    happenings = play(world_of(scenario))
    assert len(set(seen(happenings))) == len(happenings) > 3_000
    assert len({h.event_id for h in happenings}) == len(happenings)


def test_an_event_is_handed_out_in_the_step_that_reaches_its_time() -> None:
    world = world_of("healthy", events=2_000)
    edges = [START_MS + n * 360_000 for n in range(1, 101)]
    late = [(h.at, edge) for edge in edges for h in world.step(edge) if not edge - 361_000 <= h.at < edge]
    assert late == []


def test_the_pace_is_steady_and_the_total_is_what_was_asked_for() -> None:
    happenings = play(world_of("healthy", events=10_000))
    assert len(happenings) == pytest.approx(10_000, rel=0.07)
    per_hour = Counter((h.at - START_MS) // 3_600_000 for h in happenings)
    assert min(per_hour.values()) > 750
    assert max(per_hour.values()) < 1_250


def test_healthy_mail_bounces_and_complains_as_good_senders_do() -> None:
    happenings = play(world_of("healthy", events=25_000))
    kinds = Counter(h.kind for h in happenings)
    sent = kinds["queued"] + kinds["sent"]
    address = sum(causes(happenings)[cause] for cause in (Cause.UNKNOWN_USER, Cause.INACTIVE))
    assert 0.015 < address / sent < 0.025
    assert 0 < kinds["complained"] / kinds["delivered"] < 0.0009
    assert 0.02 < kinds["deferred"] / sent < 0.07
    assert kinds["opened"] > kinds["clicked"] > kinds["unsubscribed"] > 0


def test_every_attempt_ends_in_one_fate() -> None:
    ends = Counter(h.message.message_id for h in play(world_of("bad-list")) if h.kind in {"delivered", "bounced"})
    assert set(ends.values()) == {1}


def test_complaints_come_hours_after_delivery_and_never_from_gmail() -> None:
    happenings = play(world_of("bad-list", events=20_000))
    delivered = {h.message.message_id: h.at for h in happenings if h.kind == "delivered"}
    complaints = [h for h in happenings if h.kind == "complained"]
    assert all(h.message.mailbox.provider != "gmail" for h in complaints)
    delays = sorted(h.at - delivered[h.message.message_id] for h in complaints)
    assert delays[len(delays) // 2] > 3_600_000


def test_the_bought_list_begins_after_a_quarter_with_one_in_eight_unknown() -> None:
    happenings = play(world_of("bad-list", events=20_000))
    bad = [h for h in happenings if h.message.campaign.name == "winter-clearance"]
    sent = sum(1 for h in bad if h.kind == "queued")
    assert min(h.at for h in bad) >= START_MS + 2.5 * 3_600_000
    assert sent > 500
    assert 0.09 < causes(bad)[Cause.UNKNOWN_USER] / sent < 0.15
    others = [h for h in happenings if h.message.campaign.name != "winter-clearance"]
    assert causes(others)[Cause.UNKNOWN_USER] / sum(1 for h in others if h.kind in {"queued", "sent"}) < 0.03


def test_a_blocked_address_is_refused_at_one_mailbox_provider_only() -> None:
    world = world_of("blocked-ip", events=20_000)
    happenings = play(world)
    block = scenario_named("blocked-ip").blocked_ip
    assert block is not None
    refused = [h for h in happenings if h.reply and h.reply.cause is Cause.BLOCKED_IP]
    assert {(h.message.ip, h.message.mailbox.provider) for h in refused} == {(block.ip, block.mailbox_provider)}
    assert min(h.message.sent_at for h in refused) >= START_MS + 2.5 * 3_600_000
    concerned = {h.message.message_id for h in happenings if world.is_bad_happening(h) and h.kind == "queued"}
    assert len({h.message.message_id for h in refused}) / len(concerned) > 0.8
    assert f"[{block.ip}]" in refused[0].reply.text if refused[0].reply else False


def test_pausing_a_campaign_stops_its_mail_and_changes_nothing_for_the_others() -> None:
    free, paused = world_of("healthy"), world_of("healthy")
    half = START_MS + 5 * 3_600_000
    before = [*paused.step(half)]
    assert paused.set_paused("sendgrid", "loyalty-points", is_paused=True)
    after = play(paused)
    whole = [*free.step(half), *play(free)]
    name = "loyalty-points"
    new = {h.message.message_id for h in after if h.message.campaign.name == name and h.kind == "queued"}
    assert new == set()
    assert any(h.kind == "opened" for h in after if h.message.campaign.name == name), "late opens go on"
    assert sorted(s for s in seen([h for h in [*before, *after] if h.message.campaign.name != name])) == sorted(
        seen([h for h in whole if h.message.campaign.name != name])
    )


def test_a_campaign_can_only_be_paused_at_its_own_source() -> None:
    world = world_of("healthy")
    assert not world.set_paused("kumomta", "loyalty-points", is_paused=True)
    assert world.paused == []


@pytest.mark.parametrize("where", ["*", "microsoft"])
def test_an_address_at_rest_is_not_used(where: str) -> None:
    world = world_of("healthy", events=8_000)
    assert world.rest("203.0.113.32", where)
    used = {(h.message.ip, h.message.mailbox.provider) for h in play(world)}
    assert ("203.0.113.32", "microsoft") not in used
    assert ("203.0.113.31", "microsoft") in used
    assert (("203.0.113.32", "gmail") in used) == (where == "microsoft")


def test_a_sender_with_all_addresses_at_rest_sends_nothing() -> None:
    world = world_of("healthy")
    for ip in ("203.0.113.31", "203.0.113.32"):
        world.rest(ip)
    assert "mailgun" not in {h.message.sender.source for h in play(world)}


def test_resting_towards_an_unknown_mailbox_provider_means_all_of_them() -> None:
    world = world_of("healthy")
    world.rest("203.0.113.32", "somebody-else")
    assert "203.0.113.32" not in {h.message.ip for h in play(world)}


def test_an_unknown_address_cannot_be_rested() -> None:
    assert not world_of("healthy").rest("192.0.2.99")


def test_campaign_names_are_unique_so_that_counts_can_be_told_apart() -> None:
    names = [stream.campaign.name for stream in world_of("bad-list").streams]
    assert all(first != second for first, second in itertools.combinations(names, 2))
