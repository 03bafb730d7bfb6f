"""What is believed of a rate: a key's own counts, drawn towards those of the rest of its tenant.

Little mail says little, and what the tenant's other mail did says something about it. The prior is half the
fixed one (a few imagined messages at the free rate) and half that plus the others' counts, scaled down to a
bounded number of messages (a power prior: Ibrahim and Chen, "Power prior distributions", 2000). The two halves
are then weighed by how well each foretold the key's counts (a robust prior: Schmidli and others, "Robust
meta-analytic-predictive priors", 2014), so a key unlike its tenant soon speaks for itself alone. The mixture is
replaced by the Beta distribution of the same mean and variance. With nobody beside the key only the fixed prior
is left. More adverse events never lower the mean: that holds for any prior.
"""

from __future__ import annotations

from math import exp, lgamma
from typing import NamedTuple


class Counted(NamedTuple):
    """`adverse` of `tried`; shares of messages may be counted too."""

    adverse: float
    tried: float

    @property
    def rate(self) -> float:
        """The raw share, 0 of nothing."""
        return self.adverse / self.tried if self.tried > 0 else 0.0

    def without(self, part: Counted) -> Counted:
        """What is left without a part of it; never negative, never more adverse than tried."""
        tried = max(self.tried - part.tried, 0.0)
        return Counted(min(max(self.adverse - part.adverse, 0.0), tried), tried)


NOBODY = Counted(0.0, 0.0)


class Belief(NamedTuple):
    """A Beta distribution of a rate: `a` adverse and `b` other messages, seen or imagined."""

    a: float
    b: float

    @property
    def mean(self) -> float:
        """The rate to reckon with."""
        return self.a / (self.a + self.b)


class Prior(NamedTuple):
    """What a rate is taken for before the key has counted: one Beta distribution, or two, half and half.

    `a`, `b`: the fixed one. `more_a`, `more_b`: what the others add to it in the second, 0 where there are none.
    `log_ratio`: the log of the second's normalising constant over the first's.
    """

    a: float
    b: float
    more_a: float
    more_b: float
    log_ratio: float

    def after(self, own: Counted) -> Belief:
        """What is believed once `own` is counted."""
        a, b = self.a + own.adverse, self.b + own.tried - own.adverse
        if not self.log_ratio:
            return Belief(a, b)
        c, d = a + self.more_a, b + self.more_b
        weight, alone, together = self._weight(a, b, c, d), a / (a + b), c / (c + d)
        mean = weight * together + (1.0 - weight) * alone
        variance = weight * (together * (1.0 - together) / (c + d + 1.0) + (together - mean) ** 2) + (1.0 - weight) * (
            alone * (1.0 - alone) / (a + b + 1.0) + (alone - mean) ** 2
        )
        size = mean * (1.0 - mean) / variance - 1.0
        return Belief(mean * size, (1.0 - mean) * size)

    def mean(self, adverse: float, tried: float) -> float:
        """The mean of `after`, in half the time."""
        a, b = self.a + adverse, self.b + tried - adverse
        if not self.log_ratio:
            return a / (a + b)
        c, d = a + self.more_a, b + self.more_b
        weight = self._weight(a, b, c, d)
        return weight * c / (c + d) + (1.0 - weight) * a / (a + b)

    def between(self, own: Counted) -> tuple[Belief, Belief]:
        """The two distributions that `after` mixes: its mean lies between theirs."""
        a, b = self.a + own.adverse, self.b + own.tried - own.adverse
        return Belief(a, b), Belief(a + self.more_a, b + self.more_b)

    def _weight(self, a: float, b: float, c: float, d: float) -> float:
        """How far the second is to be believed, by how well each foretold the counts."""
        doubt = lgamma(a) + lgamma(b) - lgamma(a + b) - lgamma(c) - lgamma(d) + lgamma(c + d) + self.log_ratio
        return 1.0 / (1.0 + exp(min(doubt, 700.0)))


class Fixed(NamedTuple):
    """`size` imagined messages at the rate `free`, and at most `cap` messages in all with those of others."""

    free: float
    size: float
    cap: float

    def beside(self, others: Counted = NOBODY) -> Prior:
        """The prior for a key with these others in its tenant."""
        a, b = self.free * self.size, (1.0 - self.free) * self.size
        if others.tried < 1.0:
            return Prior(a, b, 0.0, 0.0, 0.0)
        scale = min(1.0, (self.cap - self.size) / others.tried)
        c, d = scale * others.adverse, scale * (others.tried - others.adverse)
        return Prior(a, b, c, d, _log_beta(a + c, b + d) - _log_beta(a, b))


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)
