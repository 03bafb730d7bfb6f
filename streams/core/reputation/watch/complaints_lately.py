"""Do people complain about this address, domain or tenant lately? CUSUM on exposure, for keys that live on.

Long-lived keys have a long good past; a cumulative statistic would be blind to a change, so this one forgets. Each
slot takes off what the exposure that fell due allows for, down to zero, and adds its complaints. Exposure alone
only lowers the statistic, so nothing is missed by looking at a key only when something of it was counted: taking
two stretches off one after the other, or at once, is the same.

Exposure goes by the envelope around the curve, which is safe in the tail, where most complaints of an hour are
about mail of other hours. Complaints count from a day after the first delivery on, because mail sent before the
watch began may be meant, and for `QUIET_MIN` after the last one: without mail there is nothing left to stop.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from schemas.aggregates import Signal
from streams.core.compiled import INT, NOTHING, REALS, Floats, Number, compiled
from streams.core.reputation.levels import LeastEvents, Thresholds
from streams.core.reputation.watch import state as at
from streams.core.reputation.watch.ladder import LEVELS, OWN, ladder, level_of, numbers_of

GRACE_MIN = 24 * 60.0
QUIET_MIN = 72 * 60.0
_HIT, _STEP = range(OWN, OWN + 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintsLately:
    """`null` and `alternative` are complaints per delivered message."""

    null: float
    alternative: float
    thresholds: Thresholds
    least: LeastEvents = LeastEvents()  # noqa: RUF009 - frozen
    is_warning: bool = False

    def row(self) -> tuple[float, ...]:
        """See `Detector.row`."""
        own = (math.log(self.alternative / self.null), self.alternative - self.null)
        return (*ladder(self.thresholds, self.least), *own)

    def signal(self, state: Floats) -> Signal:
        """See `Detector.signal`."""
        complaints, exposed = int(state[at.LATELY_BAD]), float(state[at.LATELY_EXPOSED])
        return Signal(
            detector="complaint_cusum",
            statistic=round(float(state[at.LATELY]), 6),
            warn=self.thresholds.warn,
            throttle=self.thresholds.throttle,
            pause=self.thresholds.pause,
            level=LEVELS[level(state, numbers_of(self))],
            numerator=complaints,
            denominator=round(exposed, 3),
            explanation=f"{complaints} complaints lately where {self.null * exposed:.1f} were tolerable"
            f" ({self.null:.2%} of {exposed:.0f} messages that came of age)",
        )


@compiled(NOTHING(REALS, REALS, REALS))
def update(state: Floats, numbers: Floats, batch: Floats) -> None:
    """Take a slot's exposure off, then its complaints in."""
    state[at.LATELY] -= numbers[_STEP] * batch[at.DUE_ENVELOPE]
    state[at.LATELY_EXPOSED] += batch[at.DUE_ENVELOPE]
    is_over = state[at.EVENT] - state[at.LAST] > QUIET_MIN
    if state[at.LATELY] <= 0.0 or is_over:
        state[at.LATELY], state[at.LATELY_BAD], state[at.LATELY_EXPOSED] = 0.0, 0.0, 0.0
    if state[at.FIRST] > 0.0 and state[at.EVENT] - state[at.FIRST] >= GRACE_MIN and not is_over:
        state[at.LATELY] += numbers[_HIT] * batch[at.COMPLAINED]
        state[at.LATELY_BAD] += batch[at.COMPLAINED]


@compiled(INT(REALS, REALS))
def level(state: Floats, numbers: Floats) -> Number:
    """What the statistic asks for."""
    return level_of(state[at.LATELY], state[at.LATELY_BAD], numbers)
