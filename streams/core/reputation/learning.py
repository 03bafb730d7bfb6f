"""Numbers for the detectors from what was seen: how late complaints come, how often mail is usually refused.

Pure functions of samples; who collects them is not known here. Both err on the side of the sender: a curve is the
fast limit of what the samples allow, because a slow one alarms on healthy mail; a base rate is drawn towards that
of all, because a key with little mail has not shown its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from streams.core.compiled import Flags, Floats
from streams.core.reputation.delay import DelayCurve

LEAST_SAMPLES = 30  # complaints; fewer leave the curve as it is
CONFIDENCE = 1.96  # of the median, in standard errors: 97.5 % on the fast side
SIGMAS = (0.7, 2.5)  # no curve is narrower or wider
_STEPS = 200
_MOST_STRENGTH = 100_000.0  # imagined attempts: all keys are alike then


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedCurve:
    """`curve` is on the fast side of `median_h`, the likeliest median; `samples` complaints were seen."""

    curve: DelayCurve
    median_h: float
    samples: int


def delay_curve(delays_min: Floats, is_censored: Flags) -> LearnedCurve | None:
    """A lognormal curve from delays in minutes; None if fewer than LEAST_SAMPLES complaints are in them.

    A censored delay is a complaint known only to come later than this. Maximum likelihood by EM (censored delays
    are replaced by their conditional moments; Dempster, Laird, Rubin 1977), then the median's fast confidence limit.
    Raises ValueError for a delay that is not above zero.
    """
    seen = int((~is_censored).sum())
    if seen < LEAST_SAMPLES:
        return None
    if not (delays_min > 0).all():
        raise ValueError("a delay must be above zero minutes")
    logs = np.log(delays_min / 60.0)
    mean, sigma = float(logs[~is_censored].mean()), max(float(logs[~is_censored].std()), SIGMAS[0])
    for _ in range(_STEPS):
        first, second = logs.copy(), logs**2
        if is_censored.any():
            first[is_censored], second[is_censored] = _beyond(logs[is_censored], mean, sigma)
        moved, mean = mean, float(first.mean())
        sigma = min(max(math.sqrt(max(float(second.mean()) - mean * mean, 0.0)), SIGMAS[0]), SIGMAS[1])
        if abs(mean - moved) < 1e-9:
            break
    fast_h = math.exp(mean - CONFIDENCE * sigma / math.sqrt(seen))
    curve = DelayCurve(fast_h=round(fast_h, 4), slow_h=round(fast_h, 4), sigma=round(sigma, 4))
    return LearnedCurve(curve=curve, median_h=math.exp(mean), samples=seen)


def _beyond(logs: Floats, mean: float, sigma: float) -> tuple[Floats, Floats]:
    """First and second moment of a normal variable that is known to be above each of these."""
    z = (logs - mean) / sigma
    tail = np.array([0.5 * math.erfc(value / math.sqrt(2.0)) for value in z])
    density = np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    hazard = np.where(tail > 1e-12, density / np.maximum(tail, 1e-12), z)  # far out it is the distance itself
    first: Floats = mean + sigma * hazard
    second: Floats = mean * mean + sigma * sigma + sigma * hazard * (mean + logs)
    return first, second


class Refused(NamedTuple):
    """Attempts of a key, and how many of them were blocked or put off."""

    bad: int
    tried: int


def base_rates(counts: Mapping[str, Refused]) -> dict[str, float]:
    """Each key's usual share of refusals, drawn towards the share of all: empirical Bayes with a Beta prior.

    The prior's mean is that of all attempts, its strength by the method of moments (Kleinman 1973): keys that differ
    much are drawn little. Keys without attempts get the mean. Empty for no attempts at all.
    """
    keys = sorted(counts)
    bad = np.array([counts[key].bad for key in keys], np.float64)
    tried = np.array([counts[key].tried for key in keys], np.float64)
    if tried.sum() <= 0:
        return {}
    mean = float(bad.sum() / tried.sum())
    strength = _strength(bad, tried, mean)
    rates = (bad + mean * strength) / (tried + strength)
    return dict(zip(keys, rates.tolist(), strict=True))


def _strength(bad: Floats, tried: Floats, mean: float) -> float:
    """How many imagined attempts the prior is worth."""
    used = tried > 0
    bad, tried = bad[used], tried[used]
    spread = mean * (1.0 - mean)
    size = tried.sum() - (tried**2).sum() / tried.sum()
    if spread <= 0.0 or size <= 0.0:
        return _MOST_STRENGTH
    between = float((tried * (bad / tried - mean) ** 2).sum())
    excess = (between - (len(tried) - 1) * spread) / size  # the variance of the keys' own rates
    if excess <= 0.0:
        return _MOST_STRENGTH
    return float(min(max(spread / excess - 1.0, 1.0), _MOST_STRENGTH))
