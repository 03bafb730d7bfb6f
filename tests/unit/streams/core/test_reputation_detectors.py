"""Each detector against arithmetic by hand, and against simulated campaigns (short forms of the command)."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from schemas.aggregates import KeyKind, Level
from streams.commands import simulate_reputation as simulation
from streams.core.reputation import detectors
from streams.core.reputation.cusum import bernoulli_steps, poisson_steps, run_of
from streams.core.reputation.delay import DelayCurve
from streams.core.reputation.levels import LeastEvents, Thresholds, level_of
from tests.unit.streams.core.reputation_cases import view_of


def test_cusum_is_the_recursion_that_never_falls_below_zero() -> None:
    steps = np.random.default_rng(3).normal(-0.1, 1.0, 500)
    value = 0.0
    for step in steps:
        value = max(0.0, value + step)
    run = run_of(steps)
    assert run.statistic == pytest.approx(value)
    assert steps[run.start :].sum() == pytest.approx(value)


def test_log_likelihood_ratios_are_those_of_the_textbook() -> None:
    assert bernoulli_steps(np.array([1]), np.array([3]), 0.04, 0.08)[0] == pytest.approx(
        math.log(0.08 / 0.04) + 2 * math.log(0.92 / 0.96)
    )
    assert poisson_steps(np.array([2]), np.array([1000.0]), 0.001, 0.003)[0] == pytest.approx(2 * math.log(3) - 2)


def test_levels_need_the_statistic_and_the_events() -> None:
    thresholds, least = Thresholds(7, 9, 12), LeastEvents()
    assert level_of(100.0, 2, thresholds, least) is Level.HEALTHY
    assert level_of(100.0, 3, thresholds, least) is Level.WATCH
    assert level_of(100.0, 4, thresholds, least) is Level.THROTTLED
    assert level_of(12.0, 5, thresholds, least) is Level.PAUSED
    assert level_of(11.9, 500, thresholds, least) is Level.THROTTLED
    assert thresholds.raised_for(100).pause == pytest.approx(12 + math.log(100))


@pytest.mark.parametrize("kind", list(KeyKind))
def test_every_kind_is_watched_and_an_empty_view_is_healthy(kind: KeyKind) -> None:
    assert detectors.DETECTORS[kind]
    for detector in detectors.DETECTORS[kind]:
        assert detector.signal(view_of({}, 0)).level == Level.HEALTHY


def test_blocks_do_not_count_against_the_list() -> None:
    view = view_of({0: {"delivered": 100, "bounced_block": 900, "deferred_reputation": 500}})
    assert detectors.BOUNCES.signal(view).level == Level.HEALTHY
    assert detectors.BLOCKS.signal(view).level == Level.PAUSED


def test_dead_addresses_do_not_count_as_blocks() -> None:
    view = view_of({0: {"delivered": 100, "bounced_address": 900}})
    assert detectors.BLOCKS.signal(view).level == Level.HEALTHY
    signal = detectors.BOUNCES.signal(view)
    assert signal.level == Level.PAUSED
    assert signal.explanation.startswith("900 of the last 1000 attempts failed")


def test_a_bounce_signal_falls_again_after_good_mail() -> None:
    bad = {minute: {"delivered": 85, "bounced_address": 15} for minute in range(3)}
    good = {minute: {"delivered": 990, "bounced_address": 10} for minute in range(3, 10)}
    assert detectors.BOUNCES.signal(view_of(bad)).level != Level.HEALTHY
    assert detectors.BOUNCES.signal(view_of(bad | good)).level == Level.HEALTHY


def test_exposure_is_half_at_the_median_and_the_envelope_is_never_below_its_curves() -> None:
    plain = DelayCurve(fast_h=3.0, slow_h=3.0, sigma=1.3)
    assert plain.exposed(np.array([180.0]))[0] == pytest.approx(0.5)
    assert plain.exposed(np.array([-5.0, 0.0])).tolist() == [0.0, 0.0]
    envelope = DelayCurve(fast_h=2.0, slow_h=8.0, sigma=1.3)
    ages = np.arange(0.0, 4000.0)
    growth = np.diff(envelope.exposed(ages))
    for median in (2.0, 4.0, 8.0):
        curve = DelayCurve(fast_h=median, slow_h=median, sigma=1.3)
        assert (growth >= np.diff(curve.exposed(ages)) - 1e-6).all()


def test_complaints_are_compared_with_mail_old_enough_to_be_complained_about() -> None:
    fresh = detectors.COMPLAINTS.signal(view_of({0: {"delivered": 10_000, "complained": 9}}, 10))
    ripe = detectors.COMPLAINTS.signal(view_of({0: {"delivered": 10_000, "complained": 9}}, 2000))
    assert fresh.level == Level.PAUSED
    assert ripe.level == Level.HEALTHY
    assert ripe.denominator > 9_000 > fresh.denominator


def test_the_e_value_is_the_mean_of_the_likelihood_ratios() -> None:
    signal = detectors.COMPLAINTS.signal(view_of({0: {"delivered": 10_000, "complained": 14}}, 2000))
    tolerable = 0.001 * signal.denominator
    expected = sum(m**14 * math.exp(-(m - 1) * tolerable) for m in (1.5, 2.0, 3.0, 5.0, 10.0)) / 5
    assert signal.statistic == pytest.approx(expected, rel=1e-4)


def test_complaints_without_any_mail_in_sight_are_not_judged() -> None:
    view = view_of({minute: {"complained": 1} for minute in range(60)})
    assert detectors.COMPLAINTS.signal(view).level == Level.HEALTHY
    assert detectors.COMPLAINTS_LONG_LIVED.signal(view).level == Level.HEALTHY


def test_a_new_issue_is_not_blamed_for_the_complaints_of_one_that_left_the_view() -> None:
    tail = {minute: {"complained": 1} for minute in range(0, 4200, 60)}
    issue = {minute: {"delivered": 4000} for minute in range(4200, 4220)}
    view = view_of(tail | issue)
    assert detectors.COMPLAINTS.signal(view).level == Level.HEALTHY
    assert detectors.COMPLAINTS_LONG_LIVED.signal(view).level == Level.HEALTHY


def test_the_last_messages_of_an_issue_that_left_the_view_do_not_stop_the_next_one() -> None:
    rest = {0: {"delivered": 500}} | {minute: {"complained": 2} for minute in range(30, 4100, 60)}
    issue = {minute: {"delivered": 4000} for minute in range(4200, 4220)}
    assert detectors.COMPLAINTS.signal(view_of(rest | issue)).level == Level.HEALTHY


def test_a_campaign_that_sends_for_days_is_judged_on_its_last_day() -> None:
    healthy = {minute: {"delivered": 100} for minute in range(0, 4300, 10)}
    for minute in range(0, 4300, 200):
        healthy[minute]["complained"] = 1  # 0.05 %
    assert detectors.COMPLAINTS.signal(view_of(healthy)).level == Level.HEALTHY
    turned = {m: dict(c, complained=c.get("complained", 0) + (m > 3000)) for m, c in healthy.items()}  # and 1 %
    assert detectors.COMPLAINTS.signal(view_of(turned)).level == Level.PAUSED


def test_a_long_lived_key_that_turns_bad_is_noticed_after_a_good_past() -> None:
    good = {minute: {"delivered": 1000} for minute in range(0, 2880, 10)}
    for minute in range(300, 2880, 20):
        good[minute]["complained"] = 1
    assert detectors.COMPLAINTS_LONG_LIVED.signal(view_of(good)).level == Level.HEALTHY
    bad = {minute: {"delivered": 1000, "complained": 8} for minute in range(2880, 3600, 10)}
    signal = detectors.COMPLAINTS_LONG_LIVED.signal(view_of(good | bad))
    assert signal.level == Level.PAUSED
    assert signal.numerator < 73 * 8 + 150


def test_a_healthy_campaign_of_a_million_messages_is_never_paused() -> None:
    campaign = dataclasses.replace(simulation.NORMAL, minutes=250)
    generator = np.random.default_rng(1)
    fates = [simulation.fate_of(campaign, detectors.DETECTORS[KeyKind.CAMPAIGN], generator) for _ in range(8)]
    assert {fate.worst for fate in fates} <= {Level.HEALTHY, Level.WATCH}


def test_a_bought_list_is_paused_within_a_thousand_messages() -> None:
    generator = np.random.default_rng(2)
    fates = [simulation.fate_of(simulation.BAD_LIST, (detectors.BOUNCES,), generator) for _ in range(40)]
    assert np.median([fate.sent for fate in fates]) <= 1000
    assert all(fate.paused_at > 0 for fate in fates)


def test_a_campaign_people_report_is_paused_before_half_of_it_is_sent() -> None:
    generator = np.random.default_rng(3)
    fates = [simulation.fate_of(simulation.SPAM, (detectors.COMPLAINTS,), generator) for _ in range(20)]
    assert np.median([fate.sent for fate in fates]) <= 0.45 * simulation.SPAM.messages


@pytest.mark.parametrize("delay_h", [2.0, 4.0, 8.0])
def test_a_healthy_blast_does_not_alarm_its_address_for_three_days(delay_h: float) -> None:
    campaign = dataclasses.replace(simulation.BLAST, delay_h=delay_h)
    generator = np.random.default_rng(4)
    for _ in range(3):
        fate = simulation.fate_of(campaign, (detectors.COMPLAINTS_LONG_LIVED,), generator)
        assert fate.worst is Level.HEALTHY


def test_an_address_refused_at_one_provider_is_seen_within_a_few_hundred_attempts() -> None:
    minutes = {minute: {"delivered": 18, "deferred_reputation": 1, "bounced_block": 1} for minute in range(30)}
    assert detectors.BLOCKS.signal(view_of(minutes)).level == Level.PAUSED
    normal = {minute: {"delivered": 199, "deferred_reputation": 1} for minute in range(200)}
    assert detectors.BLOCKS.signal(view_of(normal)).level == Level.HEALTHY
