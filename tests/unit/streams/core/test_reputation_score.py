"""The score is a sum that a person can check."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.aggregates import KeyKind, Level
from streams.core.reputation import beta
from streams.core.reputation.penalties import CAUSES
from streams.core.reputation.score import score
from tests.unit.streams.core.reputation_cases import view_of
from tests.unit.streams.core.watch_cases import watch_of

COUNT = st.integers(0, 5000)
FIELDS = ("delivered", "bounced_address", "bounced_block", "bounced_content", "deferred_reputation", "complained")


@settings(max_examples=60, deadline=None)
@given(st.fixed_dictionaries(dict.fromkeys(FIELDS, COUNT)), st.integers(1, 3000))
def test_penalties_sum_to_what_is_missing_and_the_interval_holds_the_score(counts: dict[str, int], age: int) -> None:
    result = score(view_of({0: counts}, age), (), 123)
    assert sum(penalty.points for penalty in result.penalties) == pytest.approx(100 - result.score, abs=1e-9)
    assert 0 <= result.score_low <= result.score <= result.score_high <= 100
    for penalty in result.penalties:
        assert penalty.rate == pytest.approx(
            penalty.numerator / penalty.denominator if penalty.denominator else 0, abs=1e-4
        )
        assert f"{penalty.numerator:.0f} of {penalty.denominator:.0f}" in penalty.reason
    assert result.scored_at == 123
    assert result.delivered == counts["delivered"]


def test_a_clean_campaign_scores_a_hundred_and_little_mail_says_little() -> None:
    many = score(view_of({0: {"delivered": 100_000, "bounced_address": 500}}, 3000), (), 0)
    few = score(view_of({0: {"delivered": 10}}, 3000), (), 0)
    assert many.score == few.score == 100
    assert many.score_low == 100
    assert few.score_low < 90


def test_one_bounce_among_three_messages_is_no_verdict() -> None:
    result = score(view_of({0: {"delivered": 2, "bounced_address": 1}}), (), 0)
    assert result.score > 90
    assert result.level == Level.HEALTHY
    assert result.score_low < result.score - 10


def test_the_level_is_the_worst_signal_and_signals_explain_themselves() -> None:
    minute = {0: {"delivered": 900, "bounced_address": 100}}
    watch, name = watch_of(minute)
    result = score(view_of(minute), watch.signals(name), 0)
    assert result.level == Level.PAUSED
    assert {signal.detector: signal.level for signal in result.signals} == {
        "bounce_cusum": "paused", "complaint_exposure": "healthy", "complaint_cusum": "healthy",
    }  # fmt: skip
    assert [penalty.name for penalty in result.penalties] == ["list_quality"]
    assert "100 of the last 1000 attempts failed because the address does not exist, where 40.0 were tolerable" in (
        result.signals[0].explanation
    )


def test_a_key_without_any_minute_has_a_score() -> None:
    result = score(view_of({}, 5, kind=KeyKind.IP.value), (), 0)
    assert result.score == 100
    assert result.window_start == result.as_of


def test_the_causes_together_can_take_the_whole_score() -> None:
    assert sum(cause.points for cause in CAUSES) == 100
    for cause in CAUSES:
        assert cause.points_at(cause.free) == 0
        assert cause.points_at(cause.full) == cause.points
        assert 0 < cause.points_at(cause.limit) < cause.points


@pytest.mark.parametrize(
    ("p", "a", "b", "expected"),
    [
        (0.05, 0.5, 0.5, 0.0061558),  # arcsine law: sin(pi p / 2) squared
        (0.95, 0.5, 0.5, 0.9938442),
        (0.95, 1.0, 1.0, 0.95),  # uniform
        (0.05, 1.0, 49.0, 0.0010463),  # 1 - 0.95 ** (1 / 49)
        (0.95, 2.0, 1.0, 0.9746794),  # square root of 0.95
        (0.95, 1.0, 20.0, 0.1391083),  # 1 - 0.05 ** (1 / 20)
    ],
)
def test_beta_quantiles_agree_with_closed_forms(p: float, a: float, b: float, expected: float) -> None:
    assert beta.quantile(p, a, b) == pytest.approx(expected, rel=1e-4)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.3, 5_000), st.floats(0.5, 500_000), st.sampled_from([0.05, 0.95]))
def test_the_quantile_inverts_the_distribution(a: float, b: float, p: float) -> None:
    assert beta.cdf(beta.quantile(p, a, b), a, b) == pytest.approx(p, abs=2e-3)


def test_the_distribution_agrees_with_counting_draws() -> None:
    draws = np.random.default_rng(1).beta(3, 97, 400_000)
    assert beta.cdf(0.04, 3, 97) == pytest.approx((draws <= 0.04).mean(), abs=0.004)
