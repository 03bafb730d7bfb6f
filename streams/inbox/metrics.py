"""What `mailweir inbox` counts, in a registry that is passed in. Labels are configured sources and fixed words."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter


class InboxMetrics:
    """The series of one process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.mails = Counter(
            "mailweir_inbox_mails_total", "Mails by what became of them", ["source", "result"], registry=registry
        )
        self.failures = Counter(
            "mailweir_inbox_failures_total", "Rounds that a mailbox could not be read", ["source"], registry=registry
        )
