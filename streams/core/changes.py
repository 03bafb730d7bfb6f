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
