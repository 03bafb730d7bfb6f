"""`reputation_scores`: every score of the last 90 days; the views `scores` and `scores_now` read it."""

from __future__ import annotations

from schemas.aggregates import ReputationScore
from schemas.topics import REPUTATION_SCORES
from sinks.tables.spec import TableSpec

TABLE = TableSpec(
    table="reputation_scores",
    topic=REPUTATION_SCORES,
    record=ReputationScore,
    key=("tenant", "kind", "key", "version"),
    version="scored_at",
    note="every score of the last 90 days; the views `scores` and `scores_now` read it",
)
