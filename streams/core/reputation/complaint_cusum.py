"""Do people complain about this address, domain or tenant lately? CUSUM on exposure, for keys that live on.

Long-lived keys have a long good past; a cumulative statistic would be blind to a change, so this one
forgets (`cusum.py`). The last day is cut into cohorts of ten minutes; a cohort's step compares its
complaints with the exposure that fell due in it, of the mail of three days. Thresholds are raised by
ln K for the K keys watched beside each other. Before the first delivery of that day nothing counts, and
a key without one is not judged. Known limit: complaints about mail older than three days meet no
exposure; they matter only where a very large send is followed by a very small one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from schemas.aggregates import Signal
from streams.core.reputation.cusum import poisson_steps, run_of
from streams.core.reputation.delay import DelayCurve
from streams.core.reputation.ledger import KeyView
from streams.core.reputation.levels import LeastEvents, Thresholds, level_of

COHORT_MIN = 10
COHORTS = 72 * 60 // COHORT_MIN + 1
JUDGED = 24 * 60 // COHORT_MIN

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintCusum:
    """`null` and `alternative` are complaints per delivered message; `delay` should be an envelope."""

    null: float
    alternative: float
    delay: DelayCurve
    thresholds: Thresholds
    least: LeastEvents = field(default_factory=LeastEvents)

    def signal(self, view: KeyView) -> Signal:
        """See `Detector.signal`."""
        statistic, complaints, exposed = self._run(view) if view.total("complained") else (0.0, 0, 0.0)
        return Signal(
            detector="complaint_cusum",
            statistic=round(statistic, 6),
            warn=self.thresholds.warn,
            throttle=self.thresholds.throttle,
            pause=self.thresholds.pause,
            level=level_of(statistic, complaints, self.thresholds, self.least),
            numerator=complaints,
            denominator=round(exposed, 3),
            explanation=f"{complaints} complaints lately where {self.null * exposed:.1f} were tolerable"
            f" ({self.null:.2%} of {exposed:.0f} messages that came of age)",
        )

    def _run(self, view: KeyView) -> tuple[float, int, float]:
        places = COHORTS - 1 - np.minimum(view.ages_min // COHORT_MIN, COHORTS - 1).astype(np.int64)
        delivered = np.bincount(places, view.column("delivered"), COHORTS)
        sent = np.flatnonzero(delivered)
        judged = sent[sent >= COHORTS - JUDGED]
        if not len(judged):
            return 0.0, 0, 0.0
        complaints = np.bincount(places, view.column("complained"), COHORTS)[judged[0] :]
        first = int(sent[0])
        exposure = np.convolve(delivered[first:], _kernel(self.delay))[judged[0] - first : COHORTS - first]
        run = run_of(poisson_steps(complaints, exposure, self.null, self.alternative))
        return run.statistic, int(complaints[run.start :].sum()), float(exposure[run.start :].sum())


@cache
def _kernel(delay: DelayCurve) -> Floats:
    """The share of a cohort's mail that falls due 0, 1, 2 ... cohorts later."""
    middles = (np.arange(-1, COHORTS) + 0.5) * COHORT_MIN
    return np.diff(delay.exposed(middles))
