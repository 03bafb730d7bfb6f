"""The wall clock, for those who are given it as a parameter by an entry point."""

from __future__ import annotations

import time


def clock_ms() -> int:
    """Wall time in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
