"""Is this list bad? Bernoulli CUSUM on permanent failures of the address or its domain.

Null 4 %, alternative 8 %: a normal list bounces 2 % or less, a bought one 8 % and more. Refusals
because of the sender's address, domain or content are not counted as adverse here: they say nothing
about the list. A step is a minute. False alarms and delays are measured by `mailweir reputation simulate` and
written down in `docs/reputation.md`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from schemas.aggregates import Signal
from streams.core.reputation.cusum import bernoulli_steps, run_of
from streams.core.reputation.ledger import KeyView
from streams.core.reputation.levels import LeastEvents, Thresholds, level_of

FINAL = ("bounced_address", "bounced_block", "bounced_content", "bounced_other")


@dataclass(frozen=True, slots=True, kw_only=True)
class BounceCusum:
    """`null` and `alternative` are shares of attempts (delivered and finally failed)."""

    null: float
    alternative: float
    thresholds: Thresholds
    least: LeastEvents = field(default_factory=LeastEvents)

    def signal(self, view: KeyView) -> Signal:
        """See `Detector.signal`."""
        adverse = view.column("bounced_address")
        attempts = view.column("delivered") + sum(view.column(name) for name in FINAL)
        run = run_of(bernoulli_steps(adverse, attempts, self.null, self.alternative))
        bad, tried = int(adverse[run.start :].sum()), int(attempts[run.start :].sum())
        return Signal(
            detector="bounce_cusum",
            statistic=round(run.statistic, 6),
            warn=self.thresholds.warn,
            throttle=self.thresholds.throttle,
            pause=self.thresholds.pause,
            level=level_of(run.statistic, bad, self.thresholds, self.least),
            numerator=bad,
            denominator=tried,
            explanation=f"{bad} of the last {tried} attempts failed because the address does not exist,"
            f" where {self.null * tried:.1f} were tolerable ({self.null:.0%})",
        )
