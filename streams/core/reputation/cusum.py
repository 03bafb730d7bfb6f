"""The CUSUM statistic: how strongly the newest stretch of events speaks for "bad" against "tolerable".

Each step adds the log-likelihood ratio of the alternative to the null; the sum never falls below zero,
so good behaviour long ago buys nothing. Page, "Continuous inspection schemes", Biometrika 41 (1954);
Lorden (1971) for its optimality. The null is the *tolerance*, not the sender's own baseline.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Numbers = NDArray[Any]  # counts or exposures


class Run(NamedTuple):
    """`statistic` now, and the place of the first step that belongs to the current run."""

    statistic: float
    start: int


def run_of(steps: Floats) -> Run:
    """CUSUM over `steps` in time order. O(n), a dozen microseconds for 200 steps."""
    if not len(steps):
        return Run(0.0, 0)
    sums = np.cumsum(steps)
    lowest = int(np.argmin(sums))
    if sums[lowest] >= 0.0:
        return Run(float(sums[-1]), 0)
    return Run(float(sums[-1] - sums[lowest]), lowest + 1)


def bernoulli_steps(adverse: Numbers, trials: Numbers, null: float, alternative: float) -> Floats:
    """Log-likelihood ratios of `adverse` out of `trials` per step, rates as shares."""
    hit = math.log(alternative / null)
    miss = math.log((1.0 - alternative) / (1.0 - null))
    steps: Floats = hit * adverse + miss * (trials - adverse)
    return steps


def poisson_steps(events: Numbers, exposure: Numbers, null: float, alternative: float) -> Floats:
    """Log-likelihood ratios of `events` where rate x exposure are expected per step."""
    steps: Floats = math.log(alternative / null) * events - (alternative - null) * exposure
    return steps
