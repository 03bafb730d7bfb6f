"""What the segments service tells of itself, by partition; of its webhooks, by name."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

from streams.agents.segment_builder import Builder
from streams.agents.segment_rules import RuleSet
from streams.core.changes import SegmentTotals


class SegmentMetrics:
    """Gauges in the worker's registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._events = Gauge(
            "mailweir_segment_events",
            "Events read by the segments service since it owns the partition.",
            ("partition",),
            registry=registry,
        )
        self._timers = Gauge(
            "mailweir_segment_timers",
            "Recipients looked at because an instant had come, since it owns the partition.",
            ("partition",),
            registry=registry,
        )
        self._behind = Gauge(
            "mailweir_segments_behind_seconds",
            "How late the oldest timer is that is due; 0 when none waits.",
            ("partition",),
            registry=registry,
        )
        self._transitions = Gauge(
            "mailweir_segment_transitions",
            "Recipients that entered or left a segment, since it owns the partition.",
            ("partition", "direction"),
            registry=registry,
        )

        self._rules = Gauge(
            "mailweir_segment_rules_current",
            "1 while the files of rules can be used, 0 while they are wrong.",
            registry=registry,
        )

        self._building = Gauge(
            "mailweir_segments_building",
            "Segments that are being built from the past; 0 in workers that do not look after it.",
            registry=registry,
        )

    def follow(self, rules: RuleSet, builder: Builder) -> None:
        """Show of them from now on whether they are those of the files, and how many are being built."""
        self._rules.set_function(lambda: float(rules.is_current))
        self._building.set_function(lambda: float(builder.building))

    def show(self, partition: int, totals: SegmentTotals) -> None:
        """What a partition has seen."""
        self._events.labels(partition).set(totals.events)
        self._timers.labels(partition).set(totals.timers)
        self._behind.labels(partition).set(totals.behind_ms / 1000)
        self._transitions.labels(partition, "entered").set(totals.entered)
        self._transitions.labels(partition, "left").set(totals.left)


class WebhookMetrics:
    """What became of transitions at each receiver, in the worker's registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._told = Counter(
            "mailweir_segment_webhooks_total",
            "Transitions by what became of them at the webhook.",
            ("webhook", "result"),
            registry=registry,
        )
        self._down = Gauge(
            "mailweir_segment_webhook_down",
            "1 while the receiver fails and is left alone.",
            ("webhook",),
            registry=registry,
        )

    def count(self, webhook: str, *, is_taken: bool) -> None:
        """One transition was taken, or given up."""
        self._told.labels(webhook, "taken" if is_taken else "given_up").inc()

    def show(self, webhook: str, *, is_down: bool) -> None:
        """Whether the receiver is left alone."""
        self._down.labels(webhook).set(is_down)
