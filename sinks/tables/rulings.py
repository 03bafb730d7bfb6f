"""`rulings`: what people said to decisions; the views `decision_log` and `audit_trail` show it."""

from __future__ import annotations

from schemas.remediation import Ruling
from schemas.topics import RULINGS
from sinks.tables.spec import TableSpec

TABLE = TableSpec(
    table="rulings",
    topic=RULINGS,
    record=Ruling,
    key=("tenant", "decision_id", "ruling_id"),
    version="ruled_at",
    note="what people said to decisions; the views `decision_log` and `audit_trail` show it",
)
