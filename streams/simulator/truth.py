"""What really happened: every event that was posted and what the gateway answered.

The report compares this with what ClickHouse holds, so it is kept apart from everything under test.
An event is known by `EventKey`, which is unique per event. Memory: about 0.5 kB per event, bounded by
the run's length and rate (an hour at 500 events/s: under 1 GB).
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class EventKey(NamedTuple):
    """One event, whatever it is called inside: `occurred_at` in milliseconds since the epoch."""

    provider: str
    message_id: str
    event_type: str
    occurred_at: int
    recipient: str


class Fact(NamedTuple):
    """One posted event. `is_bad`: it belongs to what the scenario made bad."""

    key: EventKey
    tenant: str
    campaign: str
    is_bad: bool


class PostKind(StrEnum):
    """Who posted, and whether it can be read."""

    GENUINE = "genuine"
    FORGED = "forged"
    GARBAGE = "garbage"


@dataclass(slots=True)
class Post:
    """One request to make. `unreadable`: parts that must end as dead letters. `activities`: ids of a shop's calls."""

    source: str
    headers: dict[str, str]
    body: bytes
    facts: tuple[Fact, ...]
    kind: PostKind = PostKind.GENUINE
    unreadable: int = 0
    attempts: int = 0
    activities: tuple[str, ...] = ()


class PostRecord(NamedTuple):
    """One answered request. `status` 0: no answer. `started_at`: wall time in seconds."""

    started_at: float
    took_ms: float
    source: str
    kind: PostKind
    status: int
    keys: tuple[EventKey, ...]


class ControlCall(NamedTuple):
    """One call to a sender's control API. `at`: wall time in milliseconds."""

    at: int
    source: str
    action: str
    target: str
    status: int
    idempotency_key: str


@dataclass(slots=True)
class Incident:
    """What the scenario made bad; wall times in milliseconds, 0 while it has not begun.

    Without a campaign it is about `ip` at `mailbox_provider`. `messages_sent` counts mail sent by the
    bad part until it was stopped or the run ended.
    """

    key: str
    campaign: str = ""
    ip: str = ""
    mailbox_provider: str = ""
    started_at: int = 0
    messages_sent: int = 0


@dataclass(slots=True)
class Truth:
    """Everything posted in one run. `uncertain`: posted, never accepted, perhaps stored all the same."""

    scenario: str
    seed: int
    started_at: float = 0.0
    duration_s: float = 0.0
    accepted: dict[EventKey, Fact] = field(default_factory=dict)
    uncertain: dict[EventKey, Fact] = field(default_factory=dict)
    activities: set[str] = field(default_factory=set)  # ids of the shop's calls that were accepted
    posts: list[PostRecord] = field(default_factory=list)
    events: Counter[str] = field(default_factory=Counter)  # posted, accepted, rejected: copies, not distinct
    requests: Counter[str] = field(default_factory=Counter)
    dead_letters: int = 0  # that the accepted posts must lead to
    forged_accepted: int = 0
    incident: Incident | None = None
    controls: list[ControlCall] = field(default_factory=list)
    samples: deque[tuple[float, EventKey]] = field(default_factory=lambda: deque(maxlen=256))

    def answered(self, post: Post, status: int, started_at: float, took_ms: float) -> None:
        """Record the answer to one request; `status` 0 when there was none."""
        keys = tuple(fact.key for fact in post.facts)
        self.posts.append(PostRecord(started_at, took_ms, post.source, post.kind, status, keys))
        self.requests["posted"] += 1
        self.events["posted"] += len(keys)
        is_accepted = 200 <= status < 300
        if post.kind is PostKind.FORGED:
            self._forged(len(keys), status, is_accepted=is_accepted)
        elif is_accepted:
            self._accept(post, started_at)
        else:
            self.requests["refused" if status else "unanswered"] += 1
            for fact in post.facts:
                if fact.key not in self.accepted:
                    self.uncertain[fact.key] = fact

    def _accept(self, post: Post, started_at: float) -> None:
        self.requests["accepted"] += 1
        self.events["accepted"] += len(post.facts)
        self.dead_letters += post.unreadable
        self.activities.update(post.activities)
        for fact in post.facts:
            self.uncertain.pop(fact.key, None)
            if self.accepted.setdefault(fact.key, fact) is not fact:
                continue
            if fact.is_bad and self.incident is not None and not self.incident.started_at:
                self.incident.started_at = int(started_at * 1000)
        if post.facts and len(self.posts) % 5 == 0:  # a fifth of the posts is plenty for two quantiles
            self.samples.append((started_at, post.facts[0].key))

    def _forged(self, events: int, status: int, *, is_accepted: bool) -> None:
        if is_accepted:
            self.forged_accepted += events
        elif status:
            self.requests["rejected_bad_signature"] += 1
            self.events["rejected_bad_signature"] += events

    def counts(self) -> Counter[tuple[str, str, str]]:
        """Distinct accepted events by (tenant, campaign, event type)."""
        return _counted(list(self.accepted.values()))

    def uncertain_counts(self) -> Counter[tuple[str, str, str]]:
        """The same for events that may or may not have been taken."""
        return _counted(list(self.uncertain.values()))


def _counted(facts: Sequence[Fact]) -> Counter[tuple[str, str, str]]:
    return Counter((fact.tenant, fact.campaign, fact.key.event_type) for fact in facts)
