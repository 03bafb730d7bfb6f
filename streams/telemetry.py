"""The workers' metrics: one list, a sentence each, counted per batch. The gateway, the sink and the console
have their own beside their code. "dropped" is only said of what is lost, and nothing here ever is.
"""

from __future__ import annotations

import collections
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge

from schemas.events import EmailEvent
from schemas.reports import AuthReport, Parsed, StandingReport
from streams.core.changes import Totals
from streams.core.normalise import Exploded


class Telemetry:
    """Counters of one worker process in their own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._events = Counter(
            "mailweir_events_total",
            "Canonical events made from raw webhooks.",
            ("provider", "event_type"),
            registry=self.registry,
        )
        self._passed_over = Counter(
            "mailweir_passed_over_total",
            "Items of webhooks that are about no e-mail (push messages, SMS): no event is made of them.",
            ("provider",),
            registry=self.registry,
        )
        self._dead = Counter(
            "mailweir_dead_letters_total",
            "Records or items that could not be processed, kept as dead letters.",
            ("stage", "code"),
            registry=self.registry,
        )
        self._counted = Gauge(
            "mailweir_counted_events",
            "Events read by the reputation stage since it owns the partition.",
            ("partition",),
            registry=self.registry,
        )
        self._duplicates = Gauge(
            "mailweir_duplicate_events",
            "Of those, repeats of an event id seen within 72 hours: not counted again.",
            ("partition",),
            registry=self.registry,
        )
        self._late = Gauge(
            "mailweir_late_events",
            "Of those, events more than 72 hours older than the partition's clock: stored, not counted.",
            ("partition",),
            registry=self.registry,
        )
        self._scores = Counter("mailweir_scores_total", "Scores written.", registry=self.registry)
        self._decisions = Counter(
            "mailweir_decisions_total", "Decisions made.", ("action", "mode"), registry=self.registry
        )
        self._outcomes = Counter(
            "mailweir_outcomes_total", "What became of decisions.", ("driver", "status"), registry=self.registry
        )

    def count_normalised(self, made: Sequence[Exploded]) -> None:
        """Some raw records became these."""
        types: collections.Counter[tuple[str, str]] = collections.Counter()
        for item in made:
            types.update([(event.provider, _type_of(event)) for event in item.events])
            if item.passed_over:
                self._passed_over.labels(item.provider).inc(item.passed_over)
            for letter in item.dead_letters:
                self._dead.labels(letter.stage, letter.code).inc()
        for labels, number in types.items():
            self._events.labels(*labels).inc(number)

    def show_counted(self, partition: int, totals: Totals) -> None:
        """The reputation stage's totals of one partition."""
        self._counted.labels(partition).set(totals.events)
        self._duplicates.labels(partition).set(totals.duplicates)
        self._late.labels(partition).set(totals.late)

    def count_dead(self, stage: str, code: str) -> None:
        """One dead letter."""
        self._dead.labels(stage, code).inc()

    def count_scores(self, number: int) -> None:
        """Scores written in one round."""
        self._scores.inc(number)

    def count_decision(self, action: str, mode: str) -> None:
        """One decision made."""
        self._decisions.labels(action, mode).inc()

    def count_outcome(self, driver: str, status: str) -> None:
        """One outcome recorded."""
        self._outcomes.labels(driver, status).inc()


def _type_of(event: Parsed) -> str:
    """The label: a mail event's type, a report's kind, "standing", "activity"."""
    if isinstance(event, AuthReport):
        return event.kind
    if isinstance(event, StandingReport):
        return "standing"
    return event.event_type if isinstance(event, EmailEvent) else "activity"
