"""What `mailweir poll` counts, in a registry that is passed in. Labels are configured sources."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter


class PollMetrics:
    """The series of one process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.answers = Counter("mailweir_poll_answers_total", "Answers kept in the log", ["source"], registry=registry)
        self.failures = Counter(
            "mailweir_poll_failures_total", "Rounds that broke off and are tried again", ["source"], registry=registry
        )
