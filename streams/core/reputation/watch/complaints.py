"""Do people complain about this campaign? A mixture e-process on exposure, over the campaign's whole life.

With exposure H (`exposure.py`) a tolerable campaign has at most rate x H complaints by now. The statistic
is the mean over several multiples m of exp(C ln m - (m - 1) rate H): the likelihood of m times the
tolerable rate against it. It is a nonnegative supermartingale under the null, so by Ville's inequality
a tolerable campaign ever reaches E with probability at most 1/E, however often one looks. Howard,
Ramdas, McAuliffe, Sekhon, "Time-uniform Chernoff bounds" (2020); Shafer, "Testing by betting" (2021).

Complaints before the first delivery are about mail that nobody knows, and do not count. A long good past makes it
slow to notice a change; `complaints_lately.py` beside it is not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from schemas.aggregates import Signal
from streams.core.compiled import INT, NOTHING, REAL, REALS, Floats, Number, compiled
from streams.core.reputation.levels import LeastEvents, Thresholds
from streams.core.reputation.watch import state as at
from streams.core.reputation.watch.ladder import LEVELS, OWN, ladder, level_of, numbers_of

_NULL, _MULTIPLES = OWN, OWN + 1
_HOW_MANY = 5
_LARGEST = 1e12  # beyond this nobody reads the number
_LARGEST_LOG = math.log(_LARGEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaints:
    """`null` is complaints per delivered message; five `multiples` of it are mixed with equal weight."""

    null: float
    multiples: tuple[float, float, float, float, float]
    thresholds: Thresholds
    least: LeastEvents = LeastEvents()  # noqa: RUF009 - frozen
    is_warning: bool = False

    def row(self) -> tuple[float, ...]:
        """See `Detector.row`."""
        return (*ladder(self.thresholds, self.least), self.null, *self.multiples)

    def signal(self, state: Floats) -> Signal:
        """See `Detector.signal`."""
        numbers, exposed = numbers_of(self), float(state[at.EXPOSED])
        complaints = int(state[at.JUDGED])
        return Signal(
            detector="complaint_exposure",
            statistic=round(e_value(state, numbers), 6),
            warn=self.thresholds.warn,
            throttle=self.thresholds.throttle,
            pause=self.thresholds.pause,
            level=LEVELS[level(state, numbers)],
            numerator=complaints,
            denominator=round(exposed, 3),
            explanation=f"{complaints} complaints where {self.null * exposed:.1f} were tolerable by now"
            f" ({self.null:.2%} of {exposed:.0f} messages old enough to be complained about)",
        )


@compiled(NOTHING(REALS, REALS, REALS))
def update(state: Floats, _: Floats, batch: Floats) -> None:
    """Take a slot's complaints in."""
    if state[at.DELIVERED] > 0.0:
        state[at.JUDGED] += batch[at.COMPLAINED]


@compiled(REAL(REALS, REALS))
def e_value(state: Floats, numbers: Floats) -> Number:
    """The statistic; 0 without a complaint."""
    complaints, tolerable = state[at.JUDGED], numbers[_NULL] * state[at.EXPOSED]
    if complaints == 0.0:
        return 0.0
    total = 0.0
    for place in range(_HOW_MANY):
        multiple = numbers[_MULTIPLES + place]
        value = complaints * math.log(multiple) - (multiple - 1.0) * tolerable
        if value > _LARGEST_LOG:
            return _LARGEST
        total += math.exp(value)
    return total / _HOW_MANY


@compiled(INT(REALS, REALS))
def level(state: Floats, numbers: Floats) -> Number:
    """What the statistic asks for."""
    return level_of(e_value(state, numbers), state[at.JUDGED], numbers)
