"""Curves and base rates from samples whose truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from streams.core.reputation.learning import LEAST_SAMPLES, Refused, base_rates, delay_curve


def delays(count: int, median_h: float, sigma: float, until_h: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Lognormal delays in minutes, cut off where the observation ends."""
    drawn = np.random.default_rng(seed).lognormal(math.log(median_h * 60), sigma, count)
    return np.minimum(drawn, until_h * 60), drawn > until_h * 60


@pytest.mark.parametrize("until_h", [1e9, 12.0, 4.0])
def test_the_curve_is_that_of_the_samples_however_soon_the_observation_ended(until_h: float) -> None:
    found = delay_curve(*delays(4_000, 4.0, 1.3, until_h))
    assert found is not None
    assert found.median_h == pytest.approx(4.0, rel=0.08)
    assert found.curve.sigma == pytest.approx(1.3, rel=0.08)


def test_the_curve_is_on_the_fast_side_the_more_the_fewer_samples() -> None:
    few, many = (delay_curve(*delays(count, 4.0, 1.3, 48.0)) for count in (40, 4_000))
    assert few is not None
    assert many is not None
    assert few.curve.fast_h / few.median_h < many.curve.fast_h / many.median_h < 1.0
    fast = [delay_curve(*delays(60, 4.0, 1.3, 24.0, seed)) for seed in range(200)]
    assert np.mean([found is not None and found.curve.fast_h <= 4.0 for found in fast]) > 0.94


def test_too_few_samples_teach_nothing() -> None:
    assert delay_curve(*delays(LEAST_SAMPLES - 1, 4.0, 1.3, 1e9)) is None
    late, is_censored = delays(1_000, 4.0, 1.3, 0.05)
    assert delay_curve(late, is_censored) is None


def test_a_delay_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="above zero"):
        delay_curve(np.zeros(LEAST_SAMPLES), np.zeros(LEAST_SAMPLES, np.bool_))


def test_a_key_with_little_mail_gets_the_rate_of_all_and_a_large_one_its_own() -> None:
    counts = {f"ip{number}|gmail": Refused(100 + 40 * number, 10_000) for number in range(10)}
    found = base_rates(counts | {"new|gmail": Refused(1, 2), "none|gmail": Refused(0, 0)})
    of_all = 2_800 / 100_000
    assert found["ip9|gmail"] == pytest.approx(0.046, rel=0.02)
    assert found["none|gmail"] == pytest.approx(of_all, rel=0.02)
    assert found["new|gmail"] < 0.05


def test_keys_that_do_not_differ_all_get_the_same_rate() -> None:
    generator = np.random.default_rng(3)
    counts = {str(number): Refused(int(generator.binomial(2_000, 0.01)), 2_000) for number in range(50)}
    found = base_rates(counts)
    assert max(found.values()) - min(found.values()) < 0.004
    assert base_rates({}) == {}
    assert base_rates({"a": Refused(0, 500)}) == {"a": 0.0}
