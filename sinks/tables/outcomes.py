"""`outcomes`: what each control answered to a decision."""

from __future__ import annotations

from schemas.remediation import Outcome
from schemas.topics import OUTCOMES
from sinks.tables.spec import TableSpec

TABLE = TableSpec(
    table="outcomes",
    topic=OUTCOMES,
    record=Outcome,
    key=("tenant", "decision_id", "outcome_id"),
    version="attempt",
    note="what each control answered to a decision",
)
