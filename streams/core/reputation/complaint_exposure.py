"""Do people complain about this campaign? A mixture e-process on maturity-weighted exposure.

With exposure H (`delay.py`) a tolerable campaign has at most rate x H complaints by now. The statistic
is the mean over several multiples m of exp(C ln m - (m - 1) rate H): the likelihood of m times the
tolerable rate against it. It is a nonnegative supermartingale under the null, so by Ville's inequality
a tolerable campaign ever reaches E with probability at most 1/E, however often one looks. Howard,
Ramdas, McAuliffe, Sekhon, "Time-uniform Chernoff bounds" (2020); Shafer, "Testing by betting" (2021).

A campaign whose first mail is less than two days old is judged from that mail on. One that has been
sending for longer would be judged on complaints whose mail has left the 72 hours that are known, so
there only the last day counts, with the envelope curve, which is safe in the tail. In both cases
nothing counts before the first delivery of the stretch, and a stretch without delivery is not judged:
there is nothing left to stop.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from schemas.aggregates import Signal
from streams.core.reputation.delay import DelayCurve
from streams.core.reputation.ledger import KeyView
from streams.core.reputation.levels import LeastEvents, Thresholds, level_of

YOUNG_MIN = 48 * 60.0  # mail younger than this and none before it: the whole history is known
WINDOW_MIN = 24 * 60.0  # otherwise: two days of mail are known before the first complaint judged
_LARGEST = 1e12  # beyond this nobody reads the number


class Counted(NamedTuple):
    """Complaints in a stretch of time and the exposure that fell due in it."""

    complaints: int
    exposed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintExposure:
    """`null` is complaints per delivered message; `multiples` of it are mixed with equal weight."""

    null: float
    multiples: tuple[float, ...]
    delay: DelayCurve
    envelope: DelayCurve
    thresholds: Thresholds
    least: LeastEvents = field(default_factory=LeastEvents)

    def signal(self, view: KeyView) -> Signal:
        """See `Detector.signal`."""
        complaints, exposed = counted(view, self.delay, self.envelope)
        statistic = self._e_value(complaints, exposed) if complaints else 0.0
        return Signal(
            detector="complaint_exposure",
            statistic=round(statistic, 6),
            warn=self.thresholds.warn,
            throttle=self.thresholds.throttle,
            pause=self.thresholds.pause,
            level=level_of(statistic, complaints, self.thresholds, self.least),
            numerator=complaints,
            denominator=round(exposed, 3),
            explanation=f"{complaints} complaints where {self.null * exposed:.1f} were tolerable by now"
            f" ({self.null:.2%} of {exposed:.0f} messages old enough to be complained about)",
        )

    def _e_value(self, complaints: int, exposed: float) -> float:
        tolerable = self.null * exposed
        logs = [complaints * math.log(m) - (m - 1.0) * tolerable for m in self.multiples]
        if max(logs) > math.log(_LARGEST):
            return _LARGEST
        return sum(math.exp(value) for value in logs) / len(logs)


def counted(view: KeyView, delay: DelayCurve, envelope: DelayCurve) -> Counted:
    """What the campaign is judged on: see the module's paragraph."""
    delivered, ages = view.column("delivered"), view.ages_min
    sent = np.flatnonzero(delivered)
    if not len(sent):
        return Counted(0, 0.0)
    if ages[sent[0]] < YOUNG_MIN:
        return in_view(view, delay)
    recent = sent[ages[sent] < WINDOW_MIN]
    if not len(recent):
        return Counted(0, 0.0)
    since = int(recent[0])
    due = envelope.exposed(ages) - envelope.exposed(ages - ages[since])
    return Counted(int(view.column("complained")[since:].sum()), float(delivered @ due))


def in_view(view: KeyView, delay: DelayCurve) -> Counted:
    """All complaints since the first delivery in view, and the exposure of all its mail."""
    delivered = view.column("delivered")
    since = int(np.argmax(delivered > 0)) if len(delivered) else 0
    exposed = float(delivered @ delay.exposed(view.ages_min))
    return Counted(int(view.column("complained")[since:].sum()), exposed)
