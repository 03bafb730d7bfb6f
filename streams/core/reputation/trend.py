"""How a key stood a day ago, from the minutes still known: a view of the same counts, seen from then.

Of the 72 hours that are kept, 48 lie before that moment; so the two scores rest on unlike stretches of time, and a
key that has just come back after two quiet days has no trend.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from streams.core.reputation.ledger import KeyView
from streams.core.reputation.penalties import Finding, counts_of
from streams.core.reputation.series import HOUR_MS, MINUTE_MS

DAY_MS = 24 * HOUR_MS


def day_before(view: KeyView) -> KeyView | None:
    """The view 24 hours before its `as_of`; None if nothing of then is known."""
    then = view.as_of - DAY_MS
    ended = int(np.searchsorted(view.minutes, then - MINUTE_MS, side="right"))
    if not ended:
        return None
    return replace(view, as_of=then, minutes=view.minutes[:ended], counts=view.counts[:ended])


def trend(view: KeyView, findings: Iterable[Finding]) -> float:
    """Points gained since then, the rest of the tenant (in `findings`) as it is now; 0 if nothing of then is known."""
    before = day_before(view)
    if before is None:
        return 0.0
    pairs = list(zip(findings, counts_of(before), strict=True))
    return round(sum(f.cause.lost(f.prior, *then) - f.lost for f, then in pairs), 2)
