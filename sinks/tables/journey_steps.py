"""`journey_steps`: what runs of journeys did; the views `journeys` and `journey_runs` read it."""

from __future__ import annotations

from schemas.journeys.steps import JourneyStep
from schemas.topics import JOURNEY_STEPS
from sinks.tables.spec import TableSpec

TABLE = TableSpec(
    table="journey_steps",
    topic=JOURNEY_STEPS,
    record=JourneyStep,
    key=("tenant", "journey_id", "recipient_key", "run_id", "number"),
    version="at",
    note="what runs of journeys did; the view `journey_runs` has one row per run",
)
