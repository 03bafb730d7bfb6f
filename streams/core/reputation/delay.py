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
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from streams.core.reputation.ledger import KeyView

Floats = NDArray[np.float64]
TABLE_MINUTES = 73 * 60  # as long as the ledger remembers mail; older ages take the last value


@dataclass(frozen=True, slots=True, kw_only=True)
class DelayCurve:
    """Lognormal delays with medians from `fast_h` to `slow_h` hours and the shape `sigma`.

    With both medians equal this is the plain distribution function.
    """

    fast_h: float
    slow_h: float
    sigma: float

    @property
    def total(self) -> float:
        """What it reaches in the end: 1, an envelope more."""
        return 1.0 + math.log(self.slow_h / self.fast_h) / (self.sigma * math.sqrt(2 * math.pi))

    def at(self, ages_min: NDArray[Any]) -> Floats:
        """The share of complaints due by each age (minutes)."""
        return np.array([_exposed(self, age / 60.0) for age in ages_min])

    def exposed(self, ages_min: NDArray[Any]) -> Floats:
        """The same from a table by the minute, up to 73 hours; ages below zero give 0."""
        places = np.minimum(np.maximum(ages_min, 0.0), TABLE_MINUTES - 1.0).astype(np.int64)
        shares: Floats = _table(self)[places]
        return shares

    def around(self) -> DelayCurve:
        """The envelope over medians from 0.55 to 2.2 times this one."""
        return DelayCurve(fast_h=self.fast_h / 1.8, slow_h=self.slow_h * 2.2, sigma=self.sigma)


CAMPAIGN_DELAY = DelayCurve(fast_h=3.6, slow_h=3.6, sigma=1.3)  # until one is learned for a mailbox provider


class Counted(NamedTuple):
    """Complaints in a stretch of time and the exposure that fell due in it."""

    complaints: int
    exposed: float


def in_view(view: KeyView, delay: DelayCurve) -> Counted:
    """All complaints since the first delivery in view, and the exposure of all its mail."""
    delivered = view.column("delivered")
    since = int(np.argmax(delivered > 0)) if len(delivered) else 0
    exposed = float(delivered @ delay.exposed(view.ages_min))
    return Counted(int(view.column("complained")[since:].sum()), exposed)


@cache
def _table(curve: DelayCurve) -> Floats:
    """F at ages 0, 1, 2 ... minutes."""
    return curve.at(np.arange(TABLE_MINUTES))


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
