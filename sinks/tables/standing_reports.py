"""`standing_reports`: what mailbox providers say of domains and IPs day by day; the view `standing` reads it."""

from __future__ import annotations

from schemas.reports import StandingReport
from schemas.topics import STANDING_REPORTS
from sinks.tables.spec import TableSpec

TABLE = TableSpec(
    table="standing_reports",
    topic=STANDING_REPORTS,
    record=StandingReport,
    key=("tenant", "event_id"),
    version="received_at",
    time="begins_at",
    note="one row per figure of a mailbox provider about a domain or an IP; the view `standing` reads it",
)
