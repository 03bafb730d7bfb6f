"""`segment_statuses`: which segments are being built, live, or ended; the view `segment_list` reads it."""

from __future__ import annotations

from schemas.announcements import SegmentStatus
from schemas.topics import SEGMENT_STATUSES
from sinks.tables.spec import TableSpec

TABLE = TableSpec(
    table="segment_statuses",
    topic=SEGMENT_STATUSES,
    record=SegmentStatus,
    key=("tenant", "segment_id", "rule_version", "since", "status"),
    version="since",
    note="what has become of each segment and rule version; the view `segment_list` has those that are there",
)
