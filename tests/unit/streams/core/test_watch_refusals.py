"""Refusals, bounces and blocks, against arithmetic by hand and against simulated campaigns."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from schemas.aggregates import Level
from streams.commands import simulate_reputation as simulation
from streams.commands.simulated_campaigns import Campaign, Shares, fates_of
from streams.core.reputation.watch import Parameters, Watch, refusals
from streams.core.reputation.watch import state as at
from streams.core.reputation.watch.ladder import numbers_of
from streams.core.reputation.watch.parameters import BOUNCE_START, BOUNCES
from tests.unit.streams.core.reputation_cases import START
from tests.unit.streams.core.watch_cases import (
    CAMPAIGN,
    DAY,
    SLOT,
    Minutes,
    median_sent,
    name_of,
    paused,
    signals_of,
    slot_of,
    take,
)


def test_a_bounce_statistic_is_the_textbooks_sum_that_never_falls_below_zero() -> None:
    numbers = numbers_of(replace(CAMPAIGN[BOUNCES], refill=1.0, depth=1.0, rise=99.0))  # type: ignore[type-var]
    state, value = np.zeros(at.WIDTH), 0.0
    for bad in np.random.default_rng(3).random(2_000) < 0.06:
        refusals.update(state, numbers, slot_of(delivered=not bad, bounced_address=bad))
        value = max(0.0, value + (math.log(0.07 / 0.04) if bad else math.log(0.93 / 0.96)))
        assert state[at.REFUSED] == pytest.approx(value)


def test_a_run_of_bounces_counts_three_at_once_and_refills_slowly() -> None:
    state, numbers = np.zeros(at.WIDTH), numbers_of(CAMPAIGN[BOUNCES])
    for _ in range(30):
        refusals.update(state, numbers, slot_of(bounced_address=1))
    assert state[at.REFUSED] == pytest.approx((3 + 30 * 0.1) * math.log(0.07 / 0.04), abs=0.6)
    assert state[at.REFUSED_BAD] == 30


def test_a_second_raises_the_bounce_statistic_by_little_however_much_is_sent_in_it() -> None:
    state, numbers = np.zeros(at.WIDTH), numbers_of(CAMPAIGN[BOUNCES])
    refusals.update(state, numbers, slot_of(delivered=9_000, bounced_address=1_000))
    assert state[at.REFUSED] == pytest.approx(1.3)


@pytest.mark.parametrize(
    ("kind", "key", "expected"),
    [
        ("campaign", "spring", BOUNCE_START), ("campaign_provider", "spring|gmail", BOUNCE_START),
        ("domain", "acme.example", 0.0), ("tenant", "acme", 0.0),
    ],
)  # fmt: skip
def test_a_campaign_begins_under_suspicion_and_what_lives_on_does_not(kind: str, key: str, expected: float) -> None:
    minutes: Minutes = {0: {"sent": 1}}
    assert signals_of(minutes, kind=kind, key=key)["bounce_cusum"].statistic == expected


def test_a_good_list_loses_the_suspicion_that_it_began_with_and_it_does_not_come_back() -> None:
    good = {minute: {"delivered": 49, "bounced_address": 1} for minute in range(12)}
    assert signals_of(good)["bounce_cusum"].statistic == pytest.approx(0.0, abs=0.6)
    silent = signals_of(good | {14 * DAY: {"delivered": 1}})["bounce_cusum"]
    assert silent.statistic == pytest.approx(0.0, abs=0.6)


def test_two_minutes_of_a_fifth_dead_pause_a_campaign_at_its_start_and_not_later() -> None:
    bad = {"delivered": 48, "bounced_address": 12}
    good = {minute: {"delivered": 490, "bounced_address": 10} for minute in range(3)}
    assert signals_of({0: bad, 1: bad})["bounce_cusum"].level == Level.PAUSED
    assert signals_of(good | {3: bad, 4: bad})["bounce_cusum"].level == Level.HEALTHY


@pytest.mark.parametrize(("good", "length"), [(0, 53), (1_000, 160)])
def test_one_run_of_dead_addresses_pauses_nobody_unless_it_is_long(good: int, length: int) -> None:
    watch = Watch()
    take(watch, SLOT, (name_of(), START, {"delivered": good, "sent": 1}))
    for second in range(1, length + 1):
        take(watch, SLOT + second, (name_of(), START, {"bounced_address": 1}))
    assert watch.level(name_of()) == Level.THROTTLED
    for second in range(length + 1, length + 20):
        take(watch, SLOT + second, (name_of(), START, {"bounced_address": 1}))
    assert watch.level(name_of()) == Level.PAUSED


def test_blocks_do_not_count_against_the_list() -> None:
    minutes = {0: {"delivered": 100, "bounced_block": 900, "deferred_reputation": 500}}
    assert signals_of(minutes)["bounce_cusum"].level == Level.HEALTHY
    assert signals_of(minutes, kind="ip_provider", key="a|gmail")["block_cusum"].level == Level.PAUSED


def test_dead_addresses_do_not_count_as_blocks() -> None:
    minutes: Minutes = {0: {"delivered": 100, "bounced_address": 900}}
    assert signals_of(minutes, kind="ip_provider", key="a|gmail")["block_cusum"].level == Level.HEALTHY
    signal = signals_of(minutes)["bounce_cusum"]
    assert signal.level == Level.PAUSED
    assert signal.explanation.startswith("900 of the last 1000 attempts failed because the address does not exist")


@pytest.mark.parametrize(
    ("listed", "auth", "name", "said"),
    [
        (115, 0, "blocklist_cusum", "; 115 of the 230 say that a list has the sender"),
        (114, 116, "auth_cusum", "; 116 of the 230 say that the sender is not authenticated"),
        (115, 115, "blocklist_cusum", "; 115 of the 230 say that a list has the sender"),
        (114, 0, "block_cusum", "were tolerable (2%)"),
        (0, 114, "block_cusum", "were tolerable (2%)"),
    ],
)
def test_half_of_a_runs_refusals_name_its_cause(listed: int, auth: int, name: str, said: str) -> None:
    counts = {"delivered": 500, "bounced_block": 130, "deferred_reputation": 100}
    plain = signals_of({0: dict(counts)}, kind="ip_provider", key="a|gmail")["block_cusum"]
    told = {**counts, "refused_listed": listed, "refused_auth": auth}
    found = signals_of({0: told}, kind="ip_provider", key="a|gmail")
    assert list(found) == [name]
    assert found[name].explanation.startswith("230 of the last 730 attempts were blocked or put off")
    assert found[name].explanation.endswith(said)
    assert replace(found[name], detector="", explanation="") == replace(plain, detector="", explanation="")


def test_what_refusals_of_an_earlier_run_said_is_forgotten_with_it() -> None:
    listed = {"delivered": 10, "bounced_block": 20, "refused_listed": 20}
    refused = {"delivered": 10, "bounced_block": 5}
    minutes = {0: listed, 1: {"delivered": 5_000}, 2: refused}
    assert "block_cusum" in signals_of(minutes, kind="ip", key="192.0.2.1")
    assert "blocklist_cusum" in signals_of({0: listed, 2: refused}, kind="ip", key="192.0.2.1")


def test_a_refusal_that_names_a_list_is_no_bounce() -> None:
    minutes = {0: {"delivered": 100, "bounced_address": 50, "bounced_block": 50, "refused_listed": 50}}
    assert {"bounce_cusum"} == {name for name in signals_of(minutes) if "complaint" not in name}


def test_a_bounce_signal_falls_again_after_good_mail() -> None:
    bad = {minute: {"delivered": 85, "bounced_address": 15} for minute in range(5)}
    good = {minute: {"delivered": 990, "bounced_address": 10} for minute in range(5, 12)}
    assert signals_of(bad)["bounce_cusum"].level != Level.HEALTHY
    assert signals_of(bad | good)["bounce_cusum"].level == Level.HEALTHY


@pytest.mark.parametrize(("base", "level"), [(0.0, Level.PAUSED), (0.08, Level.HEALTHY)])
def test_a_provider_that_usually_puts_much_off_is_judged_by_its_own_rate(base: float, level: Level) -> None:
    minutes = {minute: {"delivered": 185, "deferred_reputation": 15} for minute in range(20)}
    parameters = Parameters(version="learned", base_rates={"fussy": base})
    found = signals_of(minutes, kind="ip_provider", key="192.0.2.1|fussy", parameters=parameters)
    assert found["block_cusum"].level == level


def test_healthy_lists_in_runs_and_sorted_by_age_are_not_paused() -> None:
    campaign = replace(simulation.NORMAL, minutes=100, messages=400_000, tilt=0.5, in_runs=0.3, run_length=4.0)
    assert paused(fates_of(campaign, 30, 1)) == 0


@pytest.mark.parametrize("minutes", [5, 20])
def test_borderline_lists_in_runs_outlive_the_suspicion_that_they_begin_with(minutes: int) -> None:
    campaign = Campaign(
        messages=20_000, minutes=minutes, shares=Shares(bounces=0.04), in_runs=0.3, run_length=4.0
    )  # fmt: skip
    assert paused(fates_of(campaign, 300, 4)) <= 3


@pytest.mark.parametrize(
    ("messages", "minutes", "in_runs", "most"),
    [
        (4_000, 400, 0.0, 400), (8_000, 8, 0.0, 450), (20_000, 5, 0.0, 600), (300_000, 15, 0.0, 2_000),
        (8_000, 800, 0.3, 700), (20_000, 20, 0.3, 700), (40_000, 10, 0.3, 1_000),
    ],
)  # fmt: skip
def test_a_bought_list_is_paused_within_some_hundred_messages_or_six_seconds(
    messages: int, minutes: int, in_runs: float, most: float
) -> None:
    campaign = Campaign(messages=messages, minutes=minutes, shares=simulation.BOUNCING, in_runs=in_runs, run_length=4.0)
    fates = fates_of(campaign, 150, 2)
    assert paused(fates) == 150
    assert median_sent(fates) <= most


def test_an_address_refused_at_one_provider_is_seen_within_a_few_hundred_attempts() -> None:
    fates = fates_of(replace(simulation.BLOCKED, messages=5_000, minutes=50, shares=Shares(blocks=0.2)), 50, 3)
    assert paused(fates) == 50
    assert median_sent(fates) <= 150
    assert paused(fates_of(replace(simulation.BLOCKED, messages=10_000, minutes=100), 50, 4)) == 0
