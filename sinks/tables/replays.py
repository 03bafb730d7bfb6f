"""`replays`: which dead letters were processed again, by whom and why, and where the record lies now."""

from __future__ import annotations

from schemas.replays import Replay
from schemas.topics import REPLAYS
from sinks.tables.spec import TableSpec

TABLE = TableSpec(
    table="replays",
    topic=REPLAYS,
    record=Replay,
    key=("tenant", "dead_letter_id", "replay_id"),
    version="replayed_at",
    note="which dead letters were processed again, by whom and why, and where the record lies now",
)
