"""How a lane reads and how often it flushes: what the composition root decides for each stage."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneSettings:
    """How a lane reads. `batch`: records a batch at most; `fetch_kbytes`: prefetched bytes at most;
    `flush_s`, `linger_s`: how long a flush waits, and how long a batch is held open after its first
    record, at most (`pace.py` makes both shorter on a quiet stream; in a full one a batch is open up to
    0.2 s). `with_keys`: batches bring the
    records' keys, which most stages have no use for.
    """

    bootstrap: str
    group: str
    topic: str
    batch: int = 10_000
    fetch_kbytes: int = 65_536
    flush_s: float = 1.0
    linger_s: float = 0.05
    session_timeout_ms: int = 10_000
    with_keys: bool = False
