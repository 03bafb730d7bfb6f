"""How many of the complaints to be expected have come by now.

Complaints come hours after the mail: mail of an age counts by the share of its complaints that are usually in by then
(`streams/core/reputation/delay.py`, docs/reputation.md). What is compared with that is what was counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dashboards.campaigns.figures import Maturity
from schemas.learned import Learned
from streams.core.reputation.delay import CAMPAIGN_DELAY, DelayCurve


def maturity(ages: Sequence[Mapping[str, Any]], delay: DelayCurve = CAMPAIGN_DELAY) -> Maturity:
    """From rows of `campaign_ages.sql`."""
    delivered = np.array([row["delivered"] for row in ages], np.float64)
    complained = sum(int(row["complained"]) for row in ages)
    exposed = float(delivered @ delay.at(np.array([row["age_min"] for row in ages], np.float64)))
    total = int(delivered.sum())
    return Maturity(
        complained=complained,
        delivered=total,
        exposed=round(exposed, 1),
        due=exposed / total if total else None,
        rate=complained / exposed if exposed >= 1 else None,
    )


def delay_of(learned: Learned | None) -> DelayCurve:
    """How late complaints come: as learned, else as built in."""
    curve = learned.curve if learned else None
    return DelayCurve(fast_h=curve.fast_h, slow_h=curve.slow_h, sigma=curve.sigma) if curve else CAMPAIGN_DELAY
