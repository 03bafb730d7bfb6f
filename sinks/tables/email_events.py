"""`email_events`: one row per mail event; the views `events` and `bounces` read it."""

from __future__ import annotations

from schemas.events import EmailEvent
from schemas.topics import EMAIL_EVENTS
from sinks.tables.spec import TableSpec

TABLE = TableSpec(
    table="email_events",
    topic=EMAIL_EVENTS,
    record=EmailEvent,
    key=("tenant", "event_id"),
    version="received_at",
    time="occurred_at",
    note="one row per mail event; the views `events` and `bounces` read it",
)
