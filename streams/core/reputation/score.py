"""One key's score: 100 minus named penalties, a 90 % interval, and the level its detectors ask for.

The score is for people; it is never a trigger. Penalties sum to 100 - score exactly (all are rounded to
hundredths before). The interval takes every rate at its 5 % and at its 95 % quantile at once, so it
covers at least 90 %. The level is the worst among the detectors' signals.
"""

from __future__ import annotations

from collections.abc import Mapping

from schemas.aggregates import KeyKind, ReputationScore
from streams.core.reputation.ledger import KeyView
from streams.core.reputation.levels import Detector, worst
from streams.core.reputation.penalties import adverse_of

Parameters = Mapping[KeyKind, tuple[Detector, ...]]


def score(view: KeyView, parameters: Parameters, scored_at: int) -> ReputationScore:
    """The score of the key in `view` by the detectors in `parameters` (`detectors.DETECTORS`).

    `scored_at` is the wall time in ms and only copied. A function of its arguments; never raises for a
    view of a ledger.
    """
    causes = adverse_of(view)
    penalties = [cause.penalty(adverse, tried) for cause, adverse, tried in causes if cause.lost(adverse, tried)]
    ranges = [cause.range(adverse, tried) for cause, adverse, tried in causes]
    lost = round(sum(penalty.points for penalty in penalties), 2)
    signals = [detector.signal(view) for detector in parameters.get(KeyKind(view.key.kind), ())]
    return ReputationScore(
        tenant=view.key.tenant,
        kind=view.key.kind,
        key=view.key.key,
        as_of=view.as_of,
        window_start=int(view.minutes[0]) if len(view.minutes) else view.as_of,
        version=view.version,
        score=round(100.0 - lost, 2),
        score_low=round(100.0 - max(sum(high for _, high in ranges), lost), 2),
        score_high=round(100.0 - min(sum(low for low, _ in ranges), lost), 2),
        level=worst(signal.level for signal in signals),
        scored_at=scored_at,
        sources=list(view.sources),
        penalties=penalties,
        signals=signals,
        oldest_new_received_at=view.oldest_new_received_at,
        newest_received_at=view.newest_received_at,
        **view.totals,
    )
