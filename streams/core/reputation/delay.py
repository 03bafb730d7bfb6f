"""How late complaints come, and what that makes of mail already sent: exposure.

A message of age `a` has had the chance to be complained about with probability F(a), so mail exposes
its sender by sum(delivered x F(age)), and complaints are compared with that instead of with mail sent.
F is lognormal. If F is too slow, healthy mail alarms; if too fast, bad mail is seen later: so F is
taken on the fast side. Where only a stretch of time is judged, the tail matters as well: there the
upper envelope over a range of medians is used, whose total exceeds one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
TABLE_MINUTES = 73 * 60  # as long as mail is remembered; older ages take the last value


@dataclass(frozen=True, slots=True, kw_only=True)
class DelayCurve:
    """Lognormal delays with medians from `fast_h` to `slow_h` hours and the shape `sigma`.

    With both medians equal this is the plain distribution function.
    """

    fast_h: float
    slow_h: float
    sigma: float

    def exposed(self, ages_min: NDArray[Any]) -> Floats:
        """The share of complaints due by each age (minutes); ages below zero give 0."""
        places = np.minimum(np.maximum(ages_min, 0.0), TABLE_MINUTES - 1.0).astype(np.int64)
        shares: Floats = _table(self)[places]
        return shares


@cache
def _table(curve: DelayCurve) -> Floats:
    """F at ages 0, 1, 2 ... minutes."""
    return np.array([_exposed(curve, age / 60.0) for age in range(TABLE_MINUTES)])


def _exposed(curve: DelayCurve, age_h: float) -> float:
    """The integral up to `age_h` of the largest density that any median in the range gives.

    For a fixed age the lognormal density is largest for the median nearest to that age, so the
    envelope is the fast curve, then 1 / (age sigma sqrt(2 pi)), then the slow curve.
    """
    if age_h <= curve.fast_h:
        return _cdf(age_h, curve.fast_h, curve.sigma)
    middle = math.log(min(age_h, curve.slow_h) / curve.fast_h) / (curve.sigma * math.sqrt(2 * math.pi))
    if age_h <= curve.slow_h:
        return 0.5 + middle
    return middle + _cdf(age_h, curve.slow_h, curve.sigma)


def _cdf(age_h: float, median_h: float, sigma: float) -> float:
    if age_h <= 0.0:
        return 0.0
    return 0.5 * math.erfc(-math.log(age_h / median_h) / (sigma * math.sqrt(2.0)))
