"""`activity_events`: one row per thing a person did outside of mail; the view `activities` reads it."""

from __future__ import annotations

from schemas.events import ActivityEvent
from schemas.topics import ACTIVITY_EVENTS
from sinks.tables.spec import TableSpec

TABLE = TableSpec(
    table="activity_events",
    topic=ACTIVITY_EVENTS,
    record=ActivityEvent,
    key=("tenant", "event_id"),
    version="received_at",
    time="occurred_at",
    note="one row per thing a person did outside of mail; the view `activities` reads it",
)
