"""`decisions`: what remediation decided; the view `decision_log` joins the outcomes."""

from __future__ import annotations

from schemas.remediation import Decision
from schemas.topics import DECISIONS
from sinks.tables.spec import TableSpec

TABLE = TableSpec(
    table="decisions",
    topic=DECISIONS,
    record=Decision,
    key=("tenant", "decision_id"),
    version="decided_at",
    note="what remediation decided; the view `decision_log` joins the outcomes",
)
