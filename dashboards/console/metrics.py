"""What the console counts: people's words on decisions."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter


class RulingMetrics:
    """One counter in a registry of its own or a given one."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._rulings = Counter(
            "mailweir_rulings",
            "Words of people on decisions, by what became of them.",
            ("verb", "result"),
            registry=registry,
        )

    def count(self, verb: str, result: str) -> None:
        """One more: taken, repeated, refused or failed."""
        self._rulings.labels(verb, result).inc()
