"""Which complaints are about new mail, and how many the old mail is still good for.

After a resume complaints about the mail from before the stop go on coming for days, and a complaint does not carry
the time its mail was sent. So the exposure of the *new* mail is computed from when it was sent: cohorts of delivered
messages, each worth F(age), F lognormal with a median of 3.6 hours as in `docs/reputation.md`. What the verdict's
exposure grows beyond that is the old mail's, and the old mail is expected to complain at its own observed rate.
That expectation is good to a factor of `DOUBT`, because F is only known so well: who speaks against the new mail must
grant the old mail so many times as much, who speaks for it only so small a part.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from streams.core.remediation.tally import Tally

MEDIAN_MS = 3.6 * 3_600_000
SIGMA = 1.3
COHORTS = 32  # merged where they are nearest in relative age: F bends in the logarithm of the age
TOGETHER_MS = 60_000
DOUBT = 3.0
PRIOR = 1000.0  # messages: how much the tolerable rate is worth beside what was observed

Cohort = tuple[int, int]  # sent at, delivered


class Stretch(NamedTuple):
    """What one stretch of time brought: complaints, exposure of the new mail, complaints due of the old mail."""

    complaints: int
    exposed: float
    residual: float


def due_share(age_ms: float) -> float:
    """The share of complaints that have come by this age: the lognormal distribution function."""
    if age_ms <= 0:
        return 0.0
    return 0.5 * math.erfc(-math.log(age_ms / MEDIAN_MS) / (SIGMA * math.sqrt(2.0)))


def exposure(cohorts: tuple[Cohort, ...], now: int) -> float:
    """How many messages' worth of the new mail is old enough to be complained about."""
    return math.fsum(count * due_share(now - sent) for sent, count in cohorts)


def with_new(cohorts: tuple[Cohort, ...], delivered: int, now: int) -> tuple[Cohort, ...]:
    """The cohorts with `delivered` messages of now."""
    if delivered <= 0:
        return cohorts
    if cohorts and now - cohorts[-1][0] < TOGETHER_MS:
        return (*cohorts[:-1], (cohorts[-1][0], cohorts[-1][1] + delivered))
    grown = (*cohorts, (now, delivered))
    return grown if len(grown) <= COHORTS else _merged(grown, now)


def _merged(cohorts: tuple[Cohort, ...], now: int) -> tuple[Cohort, ...]:
    """With the two that are nearest in relative age made one."""
    near = min(range(len(cohorts) - 2), key=lambda i: (cohorts[i + 1][0] - cohorts[i][0]) / max(now - cohorts[i][0], 1))
    (early, few), (late, many) = cohorts[near], cohorts[near + 1]
    both = ((early * few + late * many) // (few + many), few + many)
    return (*cohorts[:near], both, *cohorts[near + 2 :])


def old_rate(base: Tally, stood_still: Tally, tolerable: float) -> float:
    """Complaints per message of age that the old mail goes on with: as while nothing was sent (`stood_still`), drawn a
    little towards all that was counted before the resume, and that towards the tolerable rate."""
    whole = (base.complained + PRIOR * tolerable) / (base.exposed + PRIOR)
    return (max(stood_still.complained, 0) + PRIOR * whole) / (max(stood_still.exposed, 0.0) + PRIOR)


def stretch(complaints: int, exposed: float, new_exposed: float, rate: float) -> Stretch:
    """A stretch in which all exposure grew by `exposed`, that of the new mail by `new_exposed`."""
    new = max(new_exposed, 0.0)
    return Stretch(complaints, new, rate * max(exposed - new, 0.0))
