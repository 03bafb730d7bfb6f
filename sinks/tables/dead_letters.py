"""`dead_letters`: what could not be processed, with the original bytes; the view `failures` leaves those out."""

from __future__ import annotations

from schemas.failures import DeadLetter
from schemas.topics import DEAD_LETTERS
from sinks.tables.spec import TableSpec

TABLE = TableSpec(
    table="dead_letters",
    topic=DEAD_LETTERS,
    record=DeadLetter,
    key=("tenant", "dead_letter_id"),
    version="received_at",
    note="what could not be processed, with the original bytes; the view `failures` leaves those out",
)
