"""What the sink counts, in a registry that is passed in."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

# From one small local insert to the reply timeout.
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)


class SinkMetrics:
    """Counters of one sink process; labels are table names, topics, partitions and failure codes only."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.rows = Counter("mailweir_sink_rows_total", "Rows inserted", ["table"], registry=registry)
        self.batches = Counter(
            "mailweir_sink_batches_total", "Batches inserted and committed", ["table"], registry=registry
        )
        self.skipped = Counter(
            "mailweir_sink_skipped_total", "Tombstones and control records passed over", ["table"], registry=registry
        )
        self.dead_letters = Counter(
            "mailweir_sink_dead_letters_total", "Records refused", ["table", "code"], registry=registry
        )
        self.dropped = Counter(
            "mailweir_sink_dropped_dead_letters_total", "Dead letters that are unreadable themselves", registry=registry
        )
        self.retries = Counter(
            "mailweir_sink_retries_total", "Rounds put off because something was away", registry=registry
        )
        self.flush_seconds = Histogram(
            "mailweir_sink_flush_seconds", "Announce, insert and commit one round", registry=registry, buckets=_SECONDS
        )
        self.lag = Gauge("mailweir_sink_lag", "Records not committed yet", ["topic", "partition"], registry=registry)
        self.ready = Gauge("mailweir_sink_ready", "1 while the store takes what the log has", registry=registry)
