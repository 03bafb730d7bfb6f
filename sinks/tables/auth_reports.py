"""`auth_reports`: what receivers report about a domain's mail; the view `authentication` reads it."""

from __future__ import annotations

from schemas.reports import AuthReport
from schemas.topics import AUTH_REPORTS
from sinks.tables.spec import TableSpec

TABLE = TableSpec(
    table="auth_reports",
    topic=AUTH_REPORTS,
    record=AuthReport,
    key=("tenant", "event_id"),
    version="received_at",
    time="begins_at",
    note="one row per row of a DMARC or TLS report; the view `authentication` reads it",
)
