"""Each detector but refusals, against arithmetic by hand and on simulated campaigns (short forms of the command)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from schemas.aggregates import KeyKind, Level
from streams.commands import simulate_reputation as simulation
from streams.commands.simulated_campaigns import fates_of
from streams.core.reputation.delay import CAMPAIGN_DELAY, DelayCurve
from streams.core.reputation.watch import (
    PARAMETERS,
    Parameters,
    Watch,
    complaints,
    complaints_lately,
    exposure,
)
from streams.core.reputation.watch import state as at
from streams.core.reputation.watch.ladder import level_of, numbers_of
from streams.core.reputation.watch.parameters import COMPLAINTS, LATELY
from tests.unit.streams.core.reputation_cases import START
from tests.unit.streams.core.watch_cases import (
    CAMPAIGN,
    DAY,
    MINUTE_MS,
    SLOT,
    Minutes,
    median_sent,
    name_of,
    paused,
    signals_of,
    slot_of,
    take,
)

# --- levels


def test_levels_need_the_statistic_and_the_events() -> None:
    numbers = np.array([7.0, 9.0, 12.0, 3.0, 4.0, 5.0])
    assert [level_of(100.0, events, numbers) for events in (2.0, 3.0, 4.0, 5.0)] == [0, 1, 2, 3]
    assert level_of(11.9, 500.0, numbers) == 2
    assert level_of(6.9, 500.0, numbers) == 0


# --- exposure


@pytest.mark.parametrize(
    ("curve", "most"),
    [
        (CAMPAIGN_DELAY, 0.002), (CAMPAIGN_DELAY.around(), 0.003),
        *((DelayCurve(fast_h=hours, slow_h=hours, sigma=1.3), 0.004) for hours in (1.0, 2.0, 8.0)),
        *((DelayCurve(fast_h=4.0, slow_h=4.0, sigma=sigma), 0.005) for sigma in (1.0, 1.8)),
    ],
)  # fmt: skip
def test_a_curve_is_met_by_its_exponentials_and_they_never_fall(curve: DelayCurve, most: float) -> None:
    assert exposure.error_of(curve) <= most
    total, *shares = exposure.shares_of(curve)
    ages = np.arange(0.0, 45 * DAY, 1.0)
    fitted = total - np.exp(-np.outer(ages, exposure.rates())) @ np.array(shares)
    assert fitted[0] == pytest.approx(0.0, abs=1e-9)
    assert (np.diff(fitted) >= -1e-12).all()
    assert fitted.max() <= curve.total + 1e-9


def test_exposure_of_many_deliveries_late_ones_too_is_the_sum_over_their_ages() -> None:
    generator, watch = np.random.default_rng(5), Watch()
    sent: dict[int, int] = {}
    for minute in range(0, 2_000, 7):
        late = int(generator.integers(0, min(minute, 600) + 1))
        sent[minute - late] = sent.get(minute - late, 0) + 1_000
        take(watch, SLOT + minute * 60 + 59, (name_of(), START + (minute - late) * MINUTE_MS, {"delivered": 1_000}))
        now = START + minute * MINUTE_MS
        take(watch, SLOT + minute * 60 + 60, (name_of(key="clock"), now, {"delivered": 1}))
    signal = next(s for s in watch.signals(name_of()) if s.detector == "complaint_exposure")
    ages = np.array([1_996 + 1 - minute - 0.5 for minute in sent])
    exact = float(np.array(list(sent.values())) @ CAMPAIGN_DELAY.exposed(ages))
    assert signal.denominator == pytest.approx(exact, rel=0.005)


def test_looking_seldom_gives_the_statistic_that_looking_always_gives() -> None:
    numbers = numbers_of(CAMPAIGN[LATELY])
    often, seldom = np.zeros(at.WIDTH), np.zeros(at.WIDTH)
    generator, saved = np.random.default_rng(6), 0.0
    for state in (often, seldom):
        state[[at.FIRST, at.LAST, at.EVENT]] = 1.0, 5_000.0, 5_000.0
    for _ in range(3_000):
        due, complained = float(generator.exponential(900.0)), float(generator.random() < 0.5)
        complaints_lately.update(often, numbers, slot_of(due_envelope=due, complained=complained))
        saved += due
        if complained:
            complaints_lately.update(seldom, numbers, slot_of(due_envelope=saved, complained=complained))
            saved = 0.0
            assert seldom[at.LATELY] == pytest.approx(often[at.LATELY], abs=1e-9)


# --- complaints


def test_complaints_are_compared_with_mail_old_enough_to_be_complained_about() -> None:
    minutes: Minutes = {0: {"delivered": 10_000}, 5: {"complained": 9}}
    fresh, ripe = signals_of(minutes, 10), signals_of(minutes, 2_000)
    assert fresh["complaint_exposure"].level == Level.PAUSED
    assert ripe["complaint_exposure"].level == Level.HEALTHY
    assert ripe["complaint_exposure"].denominator > 9_000 > fresh["complaint_exposure"].denominator


def test_the_e_value_is_the_mean_of_the_likelihood_ratios() -> None:
    state = np.zeros(at.WIDTH)
    state[[at.JUDGED, at.EXPOSED]] = 14.0, 9_500.0
    expected = sum(m**14 * math.exp(-(m - 1) * 9.5) for m in (1.5, 2.0, 3.0, 5.0, 10.0)) / 5
    assert complaints.e_value(state, numbers_of(CAMPAIGN[COMPLAINTS])) == pytest.approx(expected)


@pytest.mark.parametrize("kind", ["campaign", "domain"])
def test_complaints_without_any_mail_are_not_judged(kind: str) -> None:
    found = signals_of({minute: {"complained": 1} for minute in range(0, 2 * DAY, 60)}, kind=kind)
    assert {signal.level for signal in found.values()} == {Level.HEALTHY}


def test_a_campaign_whose_provider_is_quick_to_complain_is_judged_by_that_curve() -> None:
    minutes: Minutes = {0: {"delivered": 20_000}, 30: {"complained": 9}}
    quick = Parameters(version="x", curves={"quick": DelayCurve(fast_h=0.3, slow_h=0.3, sigma=1.3)})
    found = [
        signals_of(minutes, kind="campaign_provider", key=key, parameters=quick)["complaint_exposure"].level
        for key in ("spring|gmail", "spring|quick")
    ]
    assert found == [Level.PAUSED, Level.HEALTHY]


def test_a_campaign_that_sends_for_days_and_turns_bad_is_paused() -> None:
    healthy: Minutes = {minute: {"delivered": 100} for minute in range(0, 4_300, 10)}
    for minute in range(0, 4_300, 200):
        healthy[minute]["complained"] = 1
    assert {signal.level for signal in signals_of(healthy).values()} == {Level.HEALTHY}
    turned = {m: dict(c, complained=c.get("complained", 0) + (m > 3_000)) for m, c in healthy.items()}
    assert Level.PAUSED in {signal.level for signal in signals_of(turned).values()}


def test_a_long_lived_key_that_turns_bad_is_noticed_after_a_good_past() -> None:
    good: Minutes = {minute: {"delivered": 1_000} for minute in range(0, 2 * DAY, 10)}
    for minute in range(300, 2 * DAY, 20):
        good[minute]["complained"] = 1
    assert signals_of(good, kind="domain")["complaint_cusum"].level == Level.HEALTHY
    bad = {minute: {"delivered": 1_000, "complained": 8} for minute in range(2 * DAY, 2 * DAY + 300, 10)}
    signal = signals_of(good | bad, kind="domain")["complaint_cusum"]
    assert signal.level == Level.PAUSED
    assert signal.numerator < 31 * 8 + 20


def test_a_long_lived_key_is_not_blamed_for_complaints_about_mail_from_before_the_watch() -> None:
    steady = {minute: {"delivered": 2_000, "complained": 1} for minute in range(2 * DAY)}
    watch, name, worst = Watch(), name_of("tenant"), 0.0
    for minute, counts in steady.items():
        take(watch, SLOT + minute * 60 + 59, (name, START + minute * MINUTE_MS, counts))
        worst = max(worst, next(s.statistic for s in watch.signals(name) if s.detector == "complaint_cusum"))
    assert worst < 7.0


def test_complaints_about_the_last_issue_do_not_stop_the_next_one() -> None:
    tail: Minutes = {0: {"delivered": 500}} | {minute: {"complained": 2} for minute in range(30, 10 * DAY, 60)}
    issue: Minutes = {minute: {"delivered": 4_000} for minute in range(10 * DAY, 10 * DAY + 20)}
    assert signals_of(tail | issue, kind="domain")["complaint_cusum"].level == Level.HEALTHY


def test_a_campaign_people_report_is_paused_before_half_of_it_is_sent() -> None:
    fates = fates_of(simulation.SPAM, 40, 3)
    assert median_sent(fates) <= 0.42 * simulation.SPAM.messages
    assert paused(fates) == 40


@pytest.mark.parametrize("delay_h", [2.0, 4.0, 8.0])
@pytest.mark.parametrize("kind", [KeyKind.CAMPAIGN, KeyKind.DOMAIN])
def test_a_healthy_blast_is_not_paused_whatever_its_true_delay(delay_h: float, kind: KeyKind) -> None:
    campaign = replace(simulation.BLAST, delay_h=delay_h, kind=kind, every_s=20)
    assert paused(fates_of(campaign, 25, 4)) == 0


# --- what the sending service would say


def days_of(counts: Mapping[str, int], days: int, *, begin: int = 0) -> Minutes:
    """The same mail every day, ten times a day."""
    return {day * DAY + hour * 60: dict(counts) for day in range(begin, begin + days) for hour in range(10)}


def test_a_tenant_over_the_lines_of_ses_is_warned_and_never_more() -> None:
    bad = days_of({"delivered": 940, "bounced_address": 60, "complained": 4}, 4)
    found = signals_of(bad, kind="tenant")
    assert found["ses_bounces"].level == found["ses_complaints"].level == Level.WATCH
    assert found["ses_bounces"].statistic == pytest.approx(0.06, abs=0.002)
    good = signals_of(days_of({"delivered": 985, "bounced_address": 15}, 4), kind="tenant")
    assert good["ses_bounces"].level == good["ses_complaints"].level == Level.HEALTHY


def test_a_few_bounces_or_complaints_of_a_small_tenant_say_nothing() -> None:
    few = signals_of({0: {"delivered": 2_000}, 60: {"complained": 9}}, kind="tenant")["ses_complaints"]
    assert few.statistic > 0.004
    assert few.level == Level.HEALTHY
    found = signals_of({0: {"delivered": 80, "bounced_address": 20}}, kind="tenant")["ses_bounces"]
    assert found.statistic == pytest.approx(0.02, abs=0.001)
    assert found.level == Level.HEALTHY


@pytest.mark.parametrize("tenants", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_healthy_tenants_are_not_warned_in_a_month(tenants: int) -> None:
    warned = 0
    for seed in range(tenants):
        generator, minutes = np.random.default_rng(seed), days_of({}, 30)
        for counts in minutes.values():
            counts.update(delivered=2_000, bounced_address=int(generator.poisson(40)))
            counts["complained"] = int(generator.poisson(1.0))
        found = signals_of(minutes, kind="tenant")
        warned += found["ses_bounces"].level != Level.HEALTHY or found["ses_complaints"].level != Level.HEALTHY
    assert warned == 0


# --- warnings


def test_opens_that_fall_to_a_third_are_warned_about_the_day_after() -> None:
    usual = days_of({"delivered": 1_000, "opened": 300, "clicked": 40}, 12)
    fallen = days_of({"delivered": 1_000, "opened": 100, "clicked": 40}, 3, begin=12)
    assert set(signals_of(usual, kind="domain")) == {"bounce_cusum", "complaint_cusum"}
    found = signals_of(usual | fallen, kind="domain")
    assert found["open_drift"].level == Level.WATCH
    assert "click_drift" not in found
    assert "opens by people of" in found["open_drift"].explanation


def test_a_weekly_issue_is_no_drift_and_no_spike() -> None:
    generator, minutes = np.random.default_rng(8), {}
    for week in range(12):
        begin = week * 7 * DAY + 600
        minutes[begin] = {"delivered": 100_000}
        opened = np.floor(generator.lognormal(math.log(60), 1.0, 30_000) / 60).astype(int)
        for hour, count in zip(*np.unique(opened[opened < 6 * 24], return_counts=True), strict=True):
            minutes[begin + 1 + int(hour) * 60] = {"opened": int(count)}
        assert set(signals_of(minutes, kind="domain")) == {"bounce_cusum", "complaint_cusum"}


def test_a_day_with_four_times_the_mail_of_any_before_is_warned_about_at_once() -> None:
    usual = days_of({"delivered": 1_000}, 10)
    spike: Minutes = {10 * DAY + hour * 60: {"delivered": 8_000} for hour in range(5)}
    assert "volume_spike" not in signals_of(usual | {10 * DAY: {"delivered": 8_000}}, kind="ip", key="192.0.2.1")
    found = signals_of(usual | spike, kind="ip", key="192.0.2.1")["volume_spike"]
    assert found.level == Level.WATCH
    assert found.numerator == 41_000  # an hour of the usual mail fell into that UTC day
    assert "volume_spike" not in signals_of(days_of({"delivered": 1_000}, 3) | spike, kind="ip", key="192.0.2.1")


def test_a_warning_never_asks_for_more_than_watch() -> None:
    usual = days_of({"delivered": 1_000}, 10)
    flood: Minutes = {10 * DAY: {"delivered": 10_000_000}}
    assert signals_of(usual | flood, kind="ip")["volume_spike"].level == Level.WATCH
    assert PARAMETERS.version
