"""Every topic: its record, partitions, retention. `mailweir topics apply` makes the cluster match."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.aggregates import ReputationPartial, ReputationScore
from schemas.envelope import RawWebhook
from schemas.events import ActivityEvent, EmailEvent
from schemas.failures import DeadLetter
from schemas.remediation import Decision, Outcome
from schemas.reports import AuthReport, StandingReport

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic. `retention_ms` bounds a deleted topic's age; compacted topics keep the newest per key.

    `partitioned`: has as many partitions as the cluster is configured for (one otherwise, for small
    topics whose order matters as a whole).
    """

    name: str
    record: type
    keyed_by: str
    is_compacted: bool
    retention_ms: int
    is_partitioned: bool


WEBHOOKS = Topic(
    "mailweir.webhooks.v1",
    RawWebhook,
    "nothing (spread evenly)",
    is_compacted=False,
    retention_ms=7 * DAY_MS,
    is_partitioned=True,
)
EMAIL_EVENTS = Topic(
    "mailweir.email-events.v1",
    EmailEvent,
    "tenant and recipient",
    is_compacted=False,
    retention_ms=7 * DAY_MS,
    is_partitioned=True,
)
ACTIVITY_EVENTS = Topic(
    "mailweir.activity-events.v1",
    ActivityEvent,
    "tenant and recipient",
    is_compacted=False,
    retention_ms=7 * DAY_MS,
    is_partitioned=True,
)
REPUTATION_PARTIALS = Topic(
    "mailweir.reputation-partials.v1",
    ReputationPartial,
    "kind, key, source and minute",
    is_compacted=True,
    retention_ms=0,
    is_partitioned=True,
)
REPUTATION_SCORES = Topic(
    "mailweir.reputation-scores.v1",
    ReputationScore,
    "tenant, kind and key",
    is_compacted=True,
    retention_ms=0,
    is_partitioned=False,
)
DECISIONS = Topic(
    "mailweir.decisions.v1", Decision, "decision id", is_compacted=True, retention_ms=0, is_partitioned=False
)
OUTCOMES = Topic("mailweir.outcomes.v1", Outcome, "outcome id", is_compacted=True, retention_ms=0, is_partitioned=False)
AUTH_REPORTS = Topic(
    "mailweir.auth-reports.v1",
    AuthReport,
    "tenant and domain",
    is_compacted=False,
    retention_ms=30 * DAY_MS,
    is_partitioned=False,
)
STANDING_REPORTS = Topic(
    "mailweir.standing-reports.v1",
    StandingReport,
    "tenant and domain or IP",
    is_compacted=False,
    retention_ms=30 * DAY_MS,
    is_partitioned=False,
)
DEAD_LETTERS = Topic(
    "mailweir.dead-letters.v1",
    DeadLetter,
    "dead letter id",
    is_compacted=False,
    retention_ms=30 * DAY_MS,
    is_partitioned=False,
)

TOPICS: tuple[Topic, ...] = (
    WEBHOOKS,
    EMAIL_EVENTS,
    ACTIVITY_EVENTS,
    REPUTATION_PARTIALS,
    REPUTATION_SCORES,
    DECISIONS,
    OUTCOMES,
    AUTH_REPORTS,
    STANDING_REPORTS,
    DEAD_LETTERS,
)
