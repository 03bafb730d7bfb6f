"""What a gateway process says about itself: `/healthz`, `/readyz`, `/metrics`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from streams.gateway import answers
from streams.gateway.admission import Admission
from streams.gateway.http import Answer, Head, problem
from streams.gateway.metrics import Metrics

_METRICS_TYPE = "text/plain; version=0.0.4"


class Health(Protocol):
    """The part of the log that readiness needs."""

    def is_available(self) -> bool:
        """False when a send would wait for its timeout in vain."""

    @property
    def last_error(self) -> str:
        """What is wrong with the log."""


@dataclass(slots=True, kw_only=True)
class Pages:
    """The pages of one process. `unready`: why it should get no traffic now, "" when it may; the server sets it.

    `is_alone`: no other process takes connections on the gateway's port.
    """

    log: Health
    metrics: Metrics
    admission: Admission
    is_alone: bool = True
    unready: str = ""

    def begin(self, head: Head) -> Answer:
        """Every page, on an address that only this process has."""
        page = {"/healthz": self._healthz, "/readyz": self._readyz, "/metrics": self._metrics}.get(head.path)
        if page is None:
            return answers.nothing_here()
        return page() if head.method in ("GET", "HEAD") else answers.wrong_method("GET,HEAD")

    def on_gateway_port(self, head: Head) -> Answer:
        """The pages that mean something where any of several processes may answer."""
        if head.path == "/metrics" and not self.is_alone:
            message = "several processes share this port; each shows its metrics at MAILWEIR_METRICS_PORT + its number"
            return problem(404, "not_found", message)
        return self.begin(head)

    def _healthz(self) -> Answer:
        """The process is alive."""
        return answers.fine(status="alive")

    def _readyz(self) -> Answer:
        """Whether a POST would be taken now, else 503 with the reason."""
        if self.unready:
            return problem(503, "not_ready", self.unready)
        if not self.log.is_available():
            return problem(503, "not_ready", f"the log is unavailable: {self.log.last_error}")
        return answers.fine(status="ready")

    def _metrics(self) -> Answer:
        """The metrics in Prometheus' text format."""
        self.metrics.in_flight.set(self.admission.requests)
        self.metrics.held_bytes.set(self.admission.held_bytes)
        return Answer(200, self.metrics.render(), content_type=_METRICS_TYPE)
