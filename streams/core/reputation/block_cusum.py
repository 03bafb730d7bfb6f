"""Is this sender being refused? Bernoulli CUSUM on blocks and on deferrals that judge the sender.

Adverse are final refusals of scope ip or auth, and temporary ones of scope ip, auth or content; tried
is every attempt that got one of these answers, an acceptance or another final failure. A deferred
message that is tried again counts again: repeated deferral is what a block looks like. Until base rates
are learned per provider the tolerance is its floor, 2 %, against three times as much.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from schemas.aggregates import Signal
from streams.core.reputation.bounce_cusum import FINAL
from streams.core.reputation.cusum import bernoulli_steps, run_of
from streams.core.reputation.ledger import KeyView
from streams.core.reputation.levels import LeastEvents, Thresholds, level_of


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockCusum:
    """`null` and `alternative` are shares of answered attempts."""

    null: float
    alternative: float
    thresholds: Thresholds
    least: LeastEvents = field(default_factory=LeastEvents)

    def signal(self, view: KeyView) -> Signal:
        """See `Detector.signal`."""
        deferred = view.column("deferred_reputation")
        adverse = view.column("bounced_block") + deferred
        attempts = view.column("delivered") + deferred + sum(view.column(name) for name in FINAL)
        run = run_of(bernoulli_steps(adverse, attempts, self.null, self.alternative))
        bad, tried = int(adverse[run.start :].sum()), int(attempts[run.start :].sum())
        return Signal(
            detector="block_cusum",
            statistic=round(run.statistic, 6),
            warn=self.thresholds.warn,
            throttle=self.thresholds.throttle,
            pause=self.thresholds.pause,
            level=level_of(run.statistic, bad, self.thresholds, self.least),
            numerator=bad,
            denominator=tried,
            explanation=f"{bad} of the last {tried} attempts were blocked or put off because of the sender,"
            f" where {self.null * tried:.1f} were tolerable ({self.null:.0%})",
        )
