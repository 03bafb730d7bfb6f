"""What `mailweir suppression` counts, in a registry that is passed in. Labels are fixed words."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from schemas.suppressions import Suppression
from streams.core.suppression.book import Written


class SuppressionMetrics:
    """Counters of one process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._recipients = Gauge(
            "mailweir_suppression_recipients", "Recipients that the list knows a fact of.", registry=registry
        )
        self._in_trouble = Gauge(
            "mailweir_suppression_in_trouble", "Addresses with failing days, watched.", registry=registry
        )
        self._written = Counter(
            "mailweir_suppressions_total", "Facts written by this process.", ("cause", "status"), registry=registry
        )
        self._mended = Counter(
            "mailweir_suppression_mended_total",
            "Records written again because their writer had not read a better one.",
            registry=registry,
        )
        self._checked = Counter(
            "mailweir_suppression_checked_total", "Recipients asked for.", ("answer",), registry=registry
        )
        self._check_s = Histogram(
            "mailweir_suppression_check_seconds",
            "Time from a complete question to its answer.",
            buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.25),
            registry=registry,
        )

    def show(self, recipients: int, in_trouble: int) -> None:
        """How large the list is."""
        self._recipients.set(recipients)
        self._in_trouble.set(in_trouble)

    def count_written(self, written: Iterable[Written]) -> None:
        """Facts that the log has."""
        for item in written:
            if isinstance(item, Suppression):
                self._written.labels(item.cause, item.status).inc()

    def count_mended(self, number: int) -> None:
        """Records that were written again."""
        self._mended.inc(number)

    def count_check(self, suppressed: int, asked: int, took_s: float) -> None:
        """One question about `asked` recipients."""
        self._checked.labels("suppressed").inc(suppressed)
        self._checked.labels("free").inc(asked - suppressed)
        self._check_s.observe(took_s)
