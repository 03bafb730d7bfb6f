"""What one flush of a stage's state writes: a value, made by the core, written by the lane; and what it counted."""

from __future__ import annotations

from dataclasses import dataclass

Row = tuple[bytes, bytes | None]
"""A changelog record: key and value, None for a tombstone."""


@dataclass(frozen=True, slots=True)
class Side:
    """A record for another topic that belongs to the flush (a dead letter, a decision)."""

    topic: str
    key: bytes | None
    value: bytes


@dataclass(frozen=True, slots=True)
class Cut:
    """Changed rows, the marker's value that vouches for them, and records for other topics."""

    rows: list[Row]
    marker: bytes
    sides: list[Side]


@dataclass(slots=True)
class Totals:
    """What this process has seen since it owns the partition; for metrics."""

    events: int = 0
    duplicates: int = 0
    late: int = 0
    dead: int = 0


@dataclass(slots=True)
class SegmentTotals:
    """The same of the segments' state. `facts`: events of tenants with segments, about somebody; `timers`: recipients
    that had a turn because an instant had come; `behind_ms`: by how much the oldest timer is late.
    """

    events: int = 0
    facts: int = 0
    timers: int = 0
    entered: int = 0
    left: int = 0
    behind_ms: int = 0
