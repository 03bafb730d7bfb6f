"""What the watch is fed with, what it says, and what it remembers: counts by slot, verdicts, states.

A *slot* is one second of the log's own clock. What the partitions counted in a slot is judged once, when every
partition's clock is a little past it; so a verdict depends on what the log holds, and not on when anybody read
it, in which order within a slot, or how often.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from schemas.aggregates import Counts, Signal
from schemas.events import Millis


@dataclass(slots=True, kw_only=True)
class SlotCounts:
    """What one partition counted between two input offsets, by slot: increments, taken in exactly once.

    A block covers the input offsets from `from_offset` up to, not including, `to_offset`; the next one begins there.
    Large blocks come in several records, `chunk` 0 to `chunks` - 1, one after the other. `clock`: the partition clock
    behind the last record. `names` (tenant, kind, key, source and minute, as a changelog key) end at `ends` (int32).
    `entries` (int32, four numbers each): which name, the slot (seconds after `first_slot`, which is in seconds since
    the epoch), which metric, and how many more. All little endian.
    """

    partition: int
    from_offset: int
    to_offset: int
    chunk: int
    chunks: int
    clock: Millis
    first_slot: int
    names: bytes
    ends: bytes
    entries: bytes


@dataclass(slots=True, kw_only=True)
class Verdict(Counts):
    """What the detectors say of a key at the end of a slot.

    The counts are all that the watch has seen of the key since `began_at`, so two verdicts subtract. `exposed`:
    messages old enough to be complained about, since then. `at`: the slot's end by the log's clock; `event_at`: how
    far event time had come. `parameters`: the version of the detectors' numbers.
    """

    tenant: str
    kind: str  # KeyKind
    key: str
    at: Millis
    event_at: Millis
    began_at: Millis
    level: str  # Level: the worst of the signals
    exposed: float
    parameters: str
    sources: list[str] = field(default_factory=list)
    signals: list[Signal] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class WatchState:
    """What the watch remembers of a key: true up to the end of `slot`. `state`: float64, little endian."""

    slot: int
    state: bytes
    sources: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class WatchPosition:
    """Up to which slot the remembered states are complete, and from which offset of the counts to read on.

    What is read again below `applied_below` of slots up to `slot` is in the states.
    """

    slot: int
    resume_offset: int
    applied_below: int


@dataclass(slots=True, kw_only=True)
class RemediationState:
    """What remediation remembers of a key: JSON, true for everything below the marker's offset of the verdicts."""

    state: str
