"""What takes points off a score: four causes, each a rate against a limit.

A cause costs nothing up to `free`, its full `points` from `full` on, and proportionally in between; the
four add up to 100. The rate is estimated, not taken raw (`shrinkage.py`), so three messages do not make a
verdict. `score.py` turns the estimate's mean into points and its 5 % and 95 % quantiles into the interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from schemas.aggregates import Penalty
from streams.core.reputation.beta import quantile
from streams.core.reputation.delay import CAMPAIGN_DELAY, in_view
from streams.core.reputation.ledger import KeyView
from streams.core.reputation.shrinkage import Belief, Counted, Fixed, Prior

FINAL = ("bounced_address", "bounced_block", "bounced_content", "bounced_other")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One cause. Rates are shares; `prior` is what a rate is taken for before anything is counted; `limit` is the
    tolerance shown beside the rate. `clean` and `fewer` say what would mend it.
    """

    name: str
    points: float
    free: float
    limit: float
    full: float
    prior: Fixed
    words: str
    clean: str
    fewer: str

    def points_at(self, rate: float) -> float:
        """Points lost at this rate, in [0, points], never falling as the rate rises."""
        return self.points * min(max((rate - self.free) / (self.full - self.free), 0.0), 1.0)

    def rate_at(self, points: float) -> float:
        """The highest rate at which no more than `points` are lost."""
        return self.free + (self.full - self.free) * min(max(points / self.points, 0.0), 1.0)

    def lost(self, prior: Prior, adverse: float, tried: float) -> float:
        """Points lost for these counts, rounded to a hundredth."""
        return round(self.points_at(prior.mean(adverse, tried)), 2)

    def find(self, own: Counted, others: Counted) -> Finding:
        """This cause in a key with these counts, beside those of the rest of the tenant."""
        prior = self.prior.beside(others)
        belief = prior.after(own)
        return Finding(self, own, others, prior, belief, round(self.points_at(belief.mean), 2))


class Finding(NamedTuple):
    """One cause in one key: what was counted, what is believed of the rate, and the points lost by it."""

    cause: Cause
    own: Counted
    others: Counted
    prior: Prior
    belief: Belief
    lost: float

    def penalty(self) -> Penalty:
        """What was lost, with the reason in words."""
        cause, own = self.cause, self.own
        beside = f" with the tenant's other mail at {self.others.rate:.2%}" if self.others.tried >= 1 else ""
        return Penalty(
            name=cause.name,
            points=self.lost,
            rate=own.rate,
            limit=cause.limit,
            numerator=own.adverse,
            denominator=round(own.tried, 3),
            reason=f"{own.adverse:.0f} of {own.tried:.0f} {cause.words} ({own.rate:.2%}, estimated"
            f" {self.belief.mean:.2%}{beside}; {cause.limit:.2%} is the limit)",
        )

    def range(self) -> tuple[float, float]:
        """Points lost at the 5 % and at the 95 % quantile of the rate."""
        cause, belief = self.cause, self.belief
        best = cause.points_at(quantile(0.05, *belief)) if belief.mean > cause.free else 0.0
        return best, cause.points_at(quantile(0.95, *belief))


LIST_QUALITY = Cause(
    name="list_quality", points=30.0, free=0.02, limit=0.04, full=0.10, prior=Fixed(0.02, 50.0, 500.0),
    words="attempts failed because the address does not exist",
    clean="messages to addresses that exist", fewer="dead addresses",
)  # fmt: skip
COMPLAINTS = Cause(
    name="complaints", points=40.0, free=0.0005, limit=0.001, full=0.003, prior=Fixed(0.0005, 1000.0, 5000.0),
    words="messages old enough were reported as spam",
    clean="messages without a complaint", fewer="complaints",
)  # fmt: skip
BLOCKS = Cause(
    name="blocks", points=20.0, free=0.01, limit=0.02, full=0.10, prior=Fixed(0.01, 50.0, 500.0),
    words="attempts were blocked or put off because of the sender",
    clean="messages that are let in", fewer="blocked or put off",
)  # fmt: skip
CONTENT = Cause(
    name="content", points=10.0, free=0.005, limit=0.01, full=0.05, prior=Fixed(0.005, 100.0, 1000.0),
    words="attempts were refused because of the content",
    clean="messages whose content is taken", fewer="refused because of the content",
)  # fmt: skip
CAUSES = (LIST_QUALITY, COMPLAINTS, BLOCKS, CONTENT)


def counts_of(view: KeyView) -> tuple[Counted, ...]:
    """Adverse events and what they are out of, for each of `CAUSES` in their order. Denominators stay apart."""
    delivered = view.total("delivered")
    attempts = delivered + view.total(*FINAL)
    deferred = view.total("deferred_reputation")
    complaints, exposed = in_view(view, CAMPAIGN_DELAY)
    return (
        Counted(view.total("bounced_address"), attempts),
        Counted(complaints, max(exposed, complaints)),  # the first complaints come before any is due
        Counted(view.total("bounced_block") + deferred, attempts + deferred),
        Counted(view.total("bounced_content"), attempts),
    )
