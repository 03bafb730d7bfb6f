"""`segment_transitions`: who entered and left which segment; the views `transitions` and `segment_members` read it."""

from __future__ import annotations

from schemas.topics import SEGMENT_TRANSITIONS
from schemas.transitions import SegmentTransition
from sinks.tables.spec import TableSpec

TABLE = TableSpec(
    table="segment_transitions",
    topic=SEGMENT_TRANSITIONS,
    record=SegmentTransition,
    key=("tenant", "segment_id", "recipient_key", "transition_id"),
    version="detected_at",
    note="who entered and left which segment; the view `segment_members` says who is in one now",
)
