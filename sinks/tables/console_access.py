"""`console_access`: who looked at what is known of a recipient; the view `access_log` reads it."""

from __future__ import annotations

from schemas.access import ConsoleAccess
from schemas.topics import CONSOLE_ACCESS
from sinks.tables.spec import TableSpec

TABLE = TableSpec(
    table="console_access",
    topic=CONSOLE_ACCESS,
    record=ConsoleAccess,
    key=("tenant", "recipient_key", "access_id"),
    version="looked_at",
    note="who looked at what is known of a recipient; the view `access_log` reads it",
)
