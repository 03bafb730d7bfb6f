"""One key's score: 100 minus named penalties, a 90 % interval, and the level its detectors ask for.

The score is for people; it is never a trigger. Penalties sum to 100 - score exactly (all are rounded to
hundredths before). The interval takes every rate at its 5 % and at its 95 % quantile at once, so it
covers at least 90 %. The level is the worst among the detectors' signals. What is known around the key
(`context.py`) steadies the rates; beside the score stand its trend, what would move it, and what the rules of
others would say.
"""

from __future__ import annotations

from schemas.aggregates import ReputationScore, Signal
from streams.core.reputation.advice import advice
from streams.core.reputation.context import ALONE, Context
from streams.core.reputation.emulations import emulations
from streams.core.reputation.ledger import KeyView
from streams.core.reputation.levels import worst
from streams.core.reputation.trend import trend


def score(view: KeyView, signals: tuple[Signal, ...], scored_at: int, context: Context = ALONE) -> ReputationScore:
    """The score of the key in `view`, with what its detectors say (`Watch.signals`).

    `scored_at` is the wall time in ms and only copied. `context`: the tenant's counts and reports about the key, as
    they are now. A function of its arguments; never raises for a view of a ledger.
    """
    findings = context.findings(view)
    ranges = [finding.range() for finding in findings]
    lost = round(sum(finding.lost for finding in findings), 2)
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
        penalties=[finding.penalty() for finding in findings if finding.lost],
        signals=list(signals),
        oldest_new_received_at=view.oldest_new_received_at,
        newest_received_at=view.newest_received_at,
        trend=trend(view, findings),
        advice=advice(findings),
        emulations=emulations(view, context),
        **view.totals,
    )
