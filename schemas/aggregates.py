"""Counts, scores and clock ticks: what the reputation service writes.

A `ReputationPartial` is an *absolute* count: everything that partition `partition` of the email
events says about one key in one minute, up to and including offset `applied_offset`. The newest
`applied_offset` wins; partials of different partitions add up. Nothing here is ever an increment, so
reading a record twice does no harm.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from schemas.events import Millis


class KeyKind(StrEnum):
    """What is being judged. Keys of two parts are joined by "|", the mailbox provider last."""

    IP = "ip"
    IP_POOL = "ip_pool"
    DOMAIN = "domain"  # the sending domain
    CAMPAIGN = "campaign"
    PROVIDER = "provider"  # the mailbox provider
    TENANT = "tenant"
    CAMPAIGN_PROVIDER = "campaign_provider"
    IP_PROVIDER = "ip_provider"
    DOMAIN_PROVIDER = "domain_provider"


@dataclass(slots=True, kw_only=True)
class Counts:
    """Distinct events by what they mean for reputation. Denominators stay apart, never blended.

    An event has one count of those up to `other`. The last two are parts of `deferred_reputation` and `bounced_block`,
    and of neither is anything in both: they belong into no sum of events.
    """

    sent: int = 0  # queued or sent
    delivered: int = 0
    deferred: int = 0  # temporary failures without a judgement on the sender
    deferred_reputation: int = 0  # temporary failures of scope ip, auth or content
    bounced_address: int = 0  # permanent failures of the address or its domain: list quality
    bounced_block: int = 0  # final failures of scope ip or auth: the sender is refused
    bounced_content: int = 0  # final failures of scope content
    bounced_other: int = 0  # every other final failure
    suppressed: int = 0  # never tried, or refused because suppressed; judged by nobody
    rejected: int = 0  # refused by the sending service for another cause
    opened: int = 0  # by people, or uncertain
    opened_machine: int = 0
    clicked: int = 0
    clicked_machine: int = 0
    complained: int = 0
    unsubscribed: int = 0
    other: int = 0  # subscribed, autoresponded, unknown
    refused_listed: int = 0  # of the refused and put off because of the sender: the reply names a blocklist
    refused_auth: int = 0  # of the rest of them: the sender is not authenticated


@dataclass(slots=True, kw_only=True)
class ReputationPartial(Counts):
    """Absolute counts of (partition, kind, key, source, minute) up to `applied_offset`.

    `minute` is the start of the minute in event time. `oldest_new_received_at` is the receipt time of
    the longest-waiting event that this write counts for the first time, `newest_received_at` that of
    the newest one: latency is measured from them. `watermark` is the partition's event time.
    """

    tenant: str
    kind: str  # KeyKind
    key: str
    source: str
    minute: Millis
    partition: int
    applied_offset: int
    watermark: Millis
    oldest_new_received_at: Millis = 0
    newest_received_at: Millis = 0


class Level(StrEnum):
    """How far a key is from healthy, in rising order."""

    HEALTHY = "healthy"
    WATCH = "watch"
    THROTTLED = "throttled"
    PAUSED = "paused"
    RECOVERING = "recovering"


RANK = {Level.HEALTHY: 0, Level.RECOVERING: 1, Level.WATCH: 2, Level.THROTTLED: 3, Level.PAUSED: 4}


@dataclass(slots=True, kw_only=True)
class Penalty:
    """Points taken off the score for one named cause; penalties sum to 100 - score.

    `rate` and `limit` are shares in [0, 1]; `numerator` of `denominator` is what was counted.
    """

    name: str
    points: float
    rate: float
    limit: float
    numerator: float
    denominator: float
    reason: str


@dataclass(slots=True, kw_only=True)
class Signal:
    """One detector's state: `statistic` against the thresholds of warn, throttle and pause."""

    detector: str
    statistic: float
    warn: float
    throttle: float
    pause: float
    level: str  # Level
    numerator: float
    denominator: float
    explanation: str


class Mark(StrEnum):
    """Where a figure stands between the lines of whoever drew them."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


@dataclass(slots=True, kw_only=True)
class Emulation:
    """What somebody else's rule would say of a key, as far as it can be known from here; never part of the score.

    `rate`, `warn` and `limit` are shares in [0, 1]. `basis` is "computed" (from `numerator` of `denominator`) or
    "reported" (the provider's own figure); `note` says what it rests on and what cannot be known.
    """

    name: str
    rate: float
    warn: float
    limit: float
    mark: str  # Mark
    numerator: float
    denominator: float
    basis: str
    note: str


@dataclass(slots=True, kw_only=True)
class ReputationScore(Counts):
    """A key's score in [0, 100] with a 90 % interval, the reasons, and the level its detectors ask for.

    Counts cover event time from `window_start` to `as_of`. `version` rises with every counted event,
    so the newest version wins wherever scores are stored. `trend`: points gained in the last 24 hours, 0 where there
    was no mail before them. `advice`: what would move the score, "" where nothing needs to.
    """

    tenant: str
    kind: str  # KeyKind
    key: str
    as_of: Millis
    window_start: Millis
    version: int
    score: float
    score_low: float
    score_high: float
    level: str  # Level
    scored_at: Millis
    sources: list[str] = field(default_factory=list)
    penalties: list[Penalty] = field(default_factory=list)
    signals: list[Signal] = field(default_factory=list)
    oldest_new_received_at: Millis = 0
    newest_received_at: Millis = 0
    trend: float = 0.0
    advice: str = ""
    emulations: list[Emulation] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Tick:
    """The log's own clock: written into every partition of the event topics, about once a second."""

    at: Millis
    writer: str


@dataclass(slots=True, kw_only=True)
class LaneMarker:
    """ "Every input offset below `next_offset` is in the rows before me", written by a lane's flush."""

    next_offset: int
    clock: Millis
    watermark: Millis


@dataclass(slots=True, kw_only=True)
class LaneIds:
    """A chunk of event ids in the order of their first sighting, packed: 8 bytes each, big endian.

    The chunk is rewritten whole as it grows. Segment i holds `sizes[i]` ids, first seen below input
    offset `ends[i]`; a reader takes the segments that end at or below the marker and no others.
    `hour`: the partition clock's hour (since the epoch) at which they were seen.
    """

    hour: int
    start: int
    ids: bytes
    ends: list[int]
    sizes: list[int]
