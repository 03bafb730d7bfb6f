"""`verdicts`: what the detectors said of a key, slot by slot; the view `verdict_log` reads it."""

from __future__ import annotations

from schemas.topics import VERDICTS
from schemas.verdicts import Verdict
from sinks.tables.spec import TableSpec

TABLE = TableSpec(
    table="verdicts",
    topic=VERDICTS,
    record=Verdict,
    key=("tenant", "kind", "key", "at"),
    version="event_at",
    note="what the detectors said of a key, for 90 days; the view `verdict_log` reads it",
)
