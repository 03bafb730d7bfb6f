"""What takes points off a score: four causes, each a rate against a limit.

A cause costs nothing up to `free`, its full `points` from `full` on, and proportionally in between; the
four add up to 100. The rate is estimated, not taken raw: adverse events are Beta-Binomial with a weak
prior around the free rate, so three messages do not make a verdict. `score.py` turns the posterior's
mean into points and its 5 % and 95 % quantiles into the interval.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.aggregates import Penalty
from streams.core.reputation.beta import quantile
from streams.core.reputation.bounce_cusum import FINAL
from streams.core.reputation.complaint_exposure import in_view
from streams.core.reputation.detectors import CAMPAIGN_DELAY
from streams.core.reputation.ledger import KeyView


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One cause. Rates are shares; `prior_size` is how many imagined messages at the rate `free` the
    prior is worth; `limit` is the tolerance shown beside the rate."""

    name: str
    points: float
    free: float
    limit: float
    full: float
    prior_size: float
    words: str

    def points_at(self, rate: float) -> float:
        """Points lost at this rate, in [0, points], never falling as the rate rises."""
        return self.points * min(max((rate - self.free) / (self.full - self.free), 0.0), 1.0)

    def estimate(self, adverse: float, tried: float) -> float:
        """The posterior's mean of the rate."""
        return (adverse + self.free * self.prior_size) / (tried + self.prior_size)

    def lost(self, adverse: float, tried: float) -> float:
        """Points lost for `adverse` of `tried`, rounded to a hundredth."""
        return round(self.points_at(self.estimate(adverse, tried)), 2)

    def penalty(self, adverse: float, tried: float) -> Penalty:
        """What was lost for `adverse` of `tried`, with the reason in words."""
        rate = adverse / tried if tried > 0 else 0.0
        estimate = self.estimate(adverse, tried)
        return Penalty(
            name=self.name,
            points=self.lost(adverse, tried),
            rate=rate,
            limit=self.limit,
            numerator=adverse,
            denominator=round(tried, 3),
            reason=f"{adverse:.0f} of {tried:.0f} {self.words} ({rate:.2%}, estimated {estimate:.2%};"
            f" {self.limit:.2%} is the limit)",
        )

    def range(self, adverse: float, tried: float) -> tuple[float, float]:
        """Points lost at the 5 % and at the 95 % quantile of the rate."""
        a = adverse + self.free * self.prior_size
        b = tried - adverse + (1.0 - self.free) * self.prior_size
        best = self.points_at(quantile(0.05, a, b)) if a / (a + b) > self.free else 0.0
        return best, self.points_at(quantile(0.95, a, b))


LIST_QUALITY = Cause(
    name="list_quality", points=30.0, free=0.02, limit=0.04, full=0.10, prior_size=50.0,
    words="attempts failed because the address does not exist",
)  # fmt: skip
COMPLAINTS = Cause(
    name="complaints", points=40.0, free=0.0005, limit=0.001, full=0.003, prior_size=1000.0,
    words="messages old enough were reported as spam",
)  # fmt: skip
BLOCKS = Cause(
    name="blocks", points=20.0, free=0.01, limit=0.02, full=0.10, prior_size=50.0,
    words="attempts were blocked or put off because of the sender",
)  # fmt: skip
CONTENT = Cause(
    name="content", points=10.0, free=0.005, limit=0.01, full=0.05, prior_size=100.0,
    words="attempts were refused because of the content",
)  # fmt: skip
CAUSES = (LIST_QUALITY, COMPLAINTS, BLOCKS, CONTENT)


def adverse_of(view: KeyView) -> tuple[tuple[Cause, float, float], ...]:
    """Each cause with its adverse events and what they are out of. Denominators stay apart."""
    delivered = view.total("delivered")
    attempts = delivered + view.total(*FINAL)
    deferred = view.total("deferred_reputation")
    complaints, exposed = in_view(view, CAMPAIGN_DELAY)
    return (
        (LIST_QUALITY, view.total("bounced_address"), attempts),
        (COMPLAINTS, complaints, max(exposed, complaints)),  # the first complaints come before any is due
        (BLOCKS, view.total("bounced_block") + deferred, attempts + deferred),
        (CONTENT, view.total("bounced_content"), attempts),
    )
