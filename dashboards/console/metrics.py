"""What the console counts: people's words on decisions, and logins."""

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


class LoginMetrics:
    """One counter in the given registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._logins = Counter(
            "mailweir_logins",
            "Logins, by the way in and what became of them.",
            ("way", "result"),
            registry=registry,
        )

    def count(self, way: str, result: str) -> None:
        """One more, by password or provider: let_in, refused or too_often."""
        self._logins.labels(way, result).inc()
