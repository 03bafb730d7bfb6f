"""Every topic: its record, partitions, retention. `mailweir topics apply` makes the cluster match."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.access import ConsoleAccess
from schemas.aggregates import LaneMarker, ReputationPartial, ReputationScore
from schemas.announcements import RulesAnnounced, SegmentStatus
from schemas.envelope import RawWebhook
from schemas.events import ActivityEvent, EmailEvent
from schemas.failures import DeadLetter
from schemas.journeys.steps import JourneyStep
from schemas.remediation import Decision, Outcome, Ruling
from schemas.replays import Replay
from schemas.reports import AuthReport, StandingReport
from schemas.suppressions import Suppression
from schemas.transitions import SegmentTransition
from schemas.verdicts import RemediationState, SlotCounts, Verdict, WatchState

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MAX_MESSAGE_BYTES = 24 * 1024 * 1024  # of any topic: the gateway's largest decompressed body and its envelope


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic. `retention_ms` bounds a deleted topic's age; compacted topics keep the newest per key.

    `partitioned`: has as many partitions as the cluster is configured for (one otherwise, for small
    topics whose order matters as a whole). `uncompacted_ms`: how long every record of a compacted topic stays.
    """

    name: str
    record: type
    keyed_by: str
    is_compacted: bool
    retention_ms: int
    is_partitioned: bool
    uncompacted_ms: int = 0


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
REPUTATION_SLOTS = Topic(
    "mailweir.reputation-slots.v1",
    SlotCounts,
    "nothing",
    is_compacted=False,
    retention_ms=3 * DAY_MS,
    is_partitioned=False,
)
WATCH_STATES = Topic(
    "mailweir.watch-states.v1",
    WatchState,
    "tenant, kind and key",
    is_compacted=True,
    retention_ms=0,
    is_partitioned=False,
)
VERDICTS = Topic(
    "mailweir.verdicts.v1",
    Verdict,
    "tenant, kind and key",
    is_compacted=False,
    retention_ms=30 * DAY_MS,
    is_partitioned=False,
)
REMEDIATION_STATES = Topic(
    "mailweir.remediation-states.v1",
    RemediationState,
    "tenant, kind and key",
    is_compacted=True,
    retention_ms=0,
    is_partitioned=False,
)
DECISIONS = Topic(
    "mailweir.decisions.v1", Decision, "decision id", is_compacted=True, retention_ms=0, is_partitioned=False
)
RULINGS = Topic("mailweir.rulings.v1", Ruling, "ruling id", is_compacted=True, retention_ms=0, is_partitioned=False)
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
SUPPRESSIONS = Topic(
    "mailweir.suppressions.v1",
    Suppression,
    "tenant, scope, recipient and cause",
    is_compacted=True,
    retention_ms=0,
    is_partitioned=False,
    uncompacted_ms=DAY_MS,  # facts of writers that did not know of each other are joined before one is dropped
)
RECIPIENT_EVENTS = Topic(
    "mailweir.recipient-events.v1",
    EmailEvent,  # and activity events, ticks, announced rules, facts of the past: all in one order
    "tenant and recipient",
    is_compacted=False,
    retention_ms=7 * DAY_MS,
    is_partitioned=True,
)
SEGMENT_RULES = Topic(
    "mailweir.segment-rules.v1",
    RulesAnnounced,
    "tenant",
    is_compacted=True,
    retention_ms=0,
    is_partitioned=False,
)
SEGMENT_STATUSES = Topic(
    "mailweir.segment-statuses.v1",
    SegmentStatus,
    "tenant and segment",
    is_compacted=False,
    retention_ms=30 * DAY_MS,
    is_partitioned=False,
)
SEGMENT_STATES = Topic(
    "mailweir.segment-states.v1",
    LaneMarker,  # beside rows in a form of their own (`streams.core.segments.row`)
    "tenant and recipient",
    is_compacted=True,
    retention_ms=0,
    is_partitioned=True,
)
SEGMENT_TRANSITIONS = Topic(
    "mailweir.segment-transitions.v1",
    SegmentTransition,
    "tenant and recipient",
    is_compacted=False,
    retention_ms=30 * DAY_MS,
    is_partitioned=True,
)
JOURNEY_STEPS = Topic(
    "mailweir.journey-steps.v1",
    JourneyStep,
    "tenant and recipient",
    is_compacted=False,
    retention_ms=30 * DAY_MS,
    is_partitioned=True,
)
CONSOLE_ACCESS = Topic(
    "mailweir.console-access.v1",
    ConsoleAccess,
    "look id",
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
REPLAYS = Topic(
    "mailweir.replays.v1",
    Replay,
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
    REPUTATION_SLOTS,
    WATCH_STATES,
    REPUTATION_SCORES,
    VERDICTS,
    REMEDIATION_STATES,
    DECISIONS,
    RULINGS,
    OUTCOMES,
    AUTH_REPORTS,
    STANDING_REPORTS,
    SUPPRESSIONS,
    RECIPIENT_EVENTS,
    SEGMENT_RULES,
    SEGMENT_STATUSES,
    SEGMENT_STATES,
    SEGMENT_TRANSITIONS,
    JOURNEY_STEPS,
    CONSOLE_ACCESS,
    DEAD_LETTERS,
    REPLAYS,
)
