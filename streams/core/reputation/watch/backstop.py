"""What the sending service itself may soon say: the rates by which Amazon SES reviews and pauses accounts.

SES looks at bounces and complaints over a "representative volume" that it does not publish; here it is three times
the biggest day, at least 1,000 messages, and older mail fades by volume. From 5 % bounces or 0.1 % complaints on
SES puts an account under review, from 10 % or 0.5 % on it may pause it (Amazon SES Developer Guide, "Sending review
process FAQs", read in the stored copy of 2023). An early warning: it never asks for more than watch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from schemas.aggregates import Signal
from streams.core.compiled import INT, NOTHING, REAL, REALS, Floats, Number, compiled
from streams.core.reputation.watch import state as at
from streams.core.reputation.watch.ladder import LEVELS, OWN, level_of, numbers_of, watch_at_most

LEAST_VOLUME, DAYS_OF_VOLUME = 1000.0, 3.0
LEAST_EVENTS = 10  # below, one more or less would cross the line
_IS_COMPLAINT = OWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Backstop:
    """`review` and `pause` are shares of the representative volume, of complaints or of bounces."""

    is_complaint: bool
    review: float
    pause: float
    is_warning: bool = False

    def row(self) -> tuple[float, ...]:
        """See `Detector.row`."""
        return (*watch_at_most(self.review, LEAST_EVENTS), float(self.is_complaint))

    def signal(self, state: Floats) -> Signal:
        """See `Detector.signal`."""
        numbers = numbers_of(self)
        bad = float(state[at.RECENT_COMPLAINED if self.is_complaint else at.RECENT_BOUNCED])
        volume = max(float(state[at.RECENT_DELIVERED if self.is_complaint else at.RECENT_TRIED]), LEAST_VOLUME)
        what = "complaints" if self.is_complaint else "bounces"
        return Signal(
            detector=f"ses_{what}",
            statistic=round(bad / volume, 6),
            warn=self.review,
            throttle=self.pause,
            pause=self.pause,
            level=LEVELS[level(state, numbers)],
            numerator=round(bad, 3),
            denominator=round(volume, 3),
            explanation=f"{bad:.0f} {what} in the last {volume:.0f} messages ({bad / volume:.2%}):"
            f" Amazon SES would review this account from {self.review:.3g} and may pause it from {self.pause:.3g}",
        )


@compiled(NOTHING(REALS, REALS, REALS))
def update(state: Floats, _: Floats, batch: Floats) -> None:
    """Let older mail fade by a slot's volume, and take the slot in. Both backstops share it."""
    bounced = batch[at.BOUNCED_ADDRESS]
    refused = batch[at.BOUNCED_BLOCK] + batch[at.BOUNCED_CONTENT] + batch[at.BOUNCED_OTHER]
    tried = batch[at.DELIVERED] + bounced + refused
    volume = max(LEAST_VOLUME, DAYS_OF_VOLUME * max(state[at.BIGGEST], state[at.DAY_TRIED]))
    kept = math.exp(-tried / volume)
    state[at.RECENT_TRIED] = state[at.RECENT_TRIED] * kept + tried
    state[at.RECENT_BOUNCED] = state[at.RECENT_BOUNCED] * kept + bounced
    state[at.RECENT_DELIVERED] = state[at.RECENT_DELIVERED] * kept + batch[at.DELIVERED]
    state[at.RECENT_COMPLAINED] *= kept
    if state[at.DELIVERED] > 0.0:
        state[at.RECENT_COMPLAINED] += batch[at.COMPLAINED]


@compiled(REAL(REALS, REALS))
def rate(state: Floats, numbers: Floats) -> Number:
    """Of the representative volume, or of its least."""
    if numbers[_IS_COMPLAINT] != 0.0:
        return state[at.RECENT_COMPLAINED] / max(state[at.RECENT_DELIVERED], LEAST_VOLUME)
    return state[at.RECENT_BOUNCED] / max(state[at.RECENT_TRIED], LEAST_VOLUME)


@compiled(INT(REALS, REALS))
def level(state: Floats, numbers: Floats) -> Number:
    """What the rate asks for."""
    bad = state[at.RECENT_COMPLAINED] if numbers[_IS_COMPLAINT] != 0.0 else state[at.RECENT_BOUNCED]
    return level_of(rate(state, numbers), bad, numbers)
