"""`reputation_partials`: absolute counts per log partition, key and minute."""

from __future__ import annotations

from schemas.aggregates import ReputationPartial
from schemas.topics import REPUTATION_PARTIALS
from sinks.tables.spec import TableSpec

TABLE = TableSpec(
    table="reputation_partials",
    topic=REPUTATION_PARTIALS,
    record=ReputationPartial,
    key=("tenant", "kind", "key", "minute", "source", "partition"),
    version="applied_offset",
    time="minute",
    note="absolute counts per log partition, key and minute; the views `partials` and `campaign_summary` read it",
)
