"""Rows on disk as the tests open them: an order, a wall clock that stands, no compactions in the background."""

from __future__ import annotations

from pathlib import Path

from rocksdict import Options

from streams.lane.disk import DiskRows
from streams.lane.rocks import Memory

LOG_ID = "log-1"
START_MS = 1_000_000_000


class Still(Memory):
    """Without compactions in the background: files can be copied as a killed process leaves them."""

    def _options(self) -> Options:
        options = super()._options()
        options.set_disable_auto_compactions(disable=True)
        return options


MEMORY = Still(cache_bytes=1 << 20, buffers_bytes=1 << 20)


def order(value: bytes) -> int | None:
    """Every third row is in no order."""
    number = int(value)
    return None if number % 3 == 0 else number % 50


def rows_at(home: Path, now_ms: int = START_MS, *, form: str = "1", log_id: str = LOG_ID) -> DiskRows:
    rows = DiskRows(home, MEMORY, lambda: now_ms, order=order, form=form)
    rows.begin(log_id)
    return rows
