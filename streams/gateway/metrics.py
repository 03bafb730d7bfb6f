"""What the gateway counts, in a registry of its own. Labels are bounded: configured sources and codes.

`SourceCounts` keeps the series of one source at hand: looking one up by its labels costs more than counting in it.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_PREFIX = "mailweir_gateway_"
_ACK_BUCKETS_S = (0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The gateway's series; `render` gives them in Prometheus' text format."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = self._counter("requests", "Answers by source and status", "status")
        self.rejected = self._counter("rejected", "Requests not taken, by code", "code")
        self.body_bytes = self._counter("body_bytes", "Bytes of stored bodies, unpacked")
        self.verified = self._counter("verified", "Which secret matched, newest is 0 (-1: none needed)", "secret")
        self.log_failures = self._counter("log_failures", "Requests that the log did not acknowledge")
        self.confirmations = self._counter("confirmations", "Subscription confirmations", "result")
        self.in_flight = Gauge(_PREFIX + "in_flight", "Requests being worked on", registry=self._registry)
        self.held_bytes = Gauge(_PREFIX + "held_bytes", "Bytes of bodies held", registry=self._registry)
        self.ack_seconds = Histogram(
            _PREFIX + "ack_seconds", "Append to acknowledgement", buckets=_ACK_BUCKETS_S, registry=self._registry
        )

    def render(self) -> bytes:
        """All series, text format 0.0.4."""
        return generate_latest(self._registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(_PREFIX + name, text, ["source", *labels], registry=self._registry)


class _Series(dict[int | str, Counter]):
    """The series of one source in one metric, by the metric's other label."""

    def __init__(self, metric: Counter, source: str) -> None:
        super().__init__()
        self._metric, self._source = metric, source

    def __missing__(self, label: int | str) -> Counter:
        self[label] = self._metric.labels(self._source, label)
        return self[label]


class SourceCounts:
    """One source's series."""

    def __init__(self, metrics: Metrics, source: str) -> None:
        self.source = source
        self.requests = _Series(metrics.requests, source)
        self.rejected = _Series(metrics.rejected, source)
        self.verified = _Series(metrics.verified, source)
        self.confirmations = _Series(metrics.confirmations, source)
        self.body_bytes = metrics.body_bytes.labels(source)
        self.log_failures = metrics.log_failures.labels(source)
