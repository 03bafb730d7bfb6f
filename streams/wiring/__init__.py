"""The composition root: builds each service from settings and runs it until it is told to stop.

The only package that knows the concrete classes of everything. A service is a function `run_*(settings) -> exit code`.
"""

from __future__ import annotations

from streams.wiring.judging import run_remediation, run_reputation
from streams.wiring.receiving import run_follow, run_gateway, run_inbox, run_poll
from streams.wiring.segmenting import run_segments
from streams.wiring.storing import apply_tables, apply_topics, run_console, run_sink, run_store, warmup_days
from streams.wiring.workers import run_normalise, run_suppression

__all__ = [
    "apply_tables", "apply_topics", "run_console", "run_follow", "run_gateway", "run_inbox", "run_normalise",
    "run_poll", "run_remediation", "run_reputation", "run_segments", "run_sink", "run_store",
    "run_suppression", "warmup_days",
]  # fmt: skip
