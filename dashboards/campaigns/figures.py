"""What a campaign's report says, as values: every count with what it is a part of.

A share is None where its denominator is zero or unknown. Times are milliseconds since the Unix epoch, 0 where there is
none. A message is what one recipient was sent under one message id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MESSAGES, DELIVERED = "messages", "delivered"
WORDS: Mapping[str, str] = {
    "delivered": "Delivered",
    "deferred": "Put off at least once",
    "bounced": "Bounced",
    "rejected": "Not sent by the service",
    "under_way": "No outcome yet",
    "opened_human": "Opened by people",
    "opened_uncertain": "Opened, by whom is uncertain",
    "opened_machine": "Opened by machines only",
    "clicked_human": "Clicked by people",
    "clicked_uncertain": "Clicked, by whom is uncertain",
    "clicked_machine": "Clicked by machines only",
    "unsubscribed": "Unsubscribed",
    "complained": "Complained",
}
_OF_MESSAGES = ("delivered", "deferred", "bounced", "rejected", "under_way")


@dataclass(frozen=True, slots=True)
class Figure:
    """`count` of `denominator`, which counts `of` (a word): `share` in [0, 1]."""

    name: str
    count: int
    of: str
    denominator: int
    share: float | None


@dataclass(frozen=True, slots=True)
class Part:
    """A mailbox provider's or a variant's part of the campaign; "" where the campaign itself is meant."""

    name: str
    messages: int
    recipients: int
    figures: Mapping[str, Figure]

    @property
    def reach(self) -> str:
        """How many messages went to how many, in words."""
        people = "recipient" if self.recipients == 1 else "recipients"
        return f"{self.messages:,} messages to {self.recipients:,} {people}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One bounce class: `outcome` is bounced, rejected or deferred; `messages` of all messages."""

    outcome: str
    reason: str
    scope: str
    permanence: str
    messages: Figure
    events: int
    main_provider: str
    example: str


@dataclass(frozen=True, slots=True)
class Link:
    """`people` are recipients of delivered mail who clicked; `clicks` are theirs, all of them."""

    link: str
    people: Figure
    clicks: int
    clicks_of_machines: int


@dataclass(frozen=True, slots=True)
class Course:
    """Counts of events in equal steps; `points` have `time` and a count by name, steps without events are left out."""

    bucket_s: int
    points: tuple[Mapping[str, int], ...]


@dataclass(frozen=True, slots=True)
class Maturity:
    """How complete the complaints are. `exposed`: delivered messages old enough to have been complained about.

    `due` is the share of the complaints to be expected that have come by now, in [0, 1]; `rate` is complaints of the
    exposed messages, which is what `complained` will come to if the rest comes like what came. None: nothing delivered.
    """

    complained: int
    delivered: int
    exposed: float
    due: float | None
    rate: float | None


@dataclass(frozen=True, slots=True)
class Score:
    """A score of the campaign, or of the campaign at one mailbox provider ("": everywhere); reasons in words."""

    provider: str
    level: str
    score: float
    low: float
    high: float
    as_of: int
    reasons: tuple[str, ...]
    advice: str


@dataclass(frozen=True, slots=True)
class Report:
    """One campaign. `events` counts every event by type; `decisions` are `dashboards.decisions.brief`, newest first."""

    campaign: str
    tenant: str
    sentence: str
    first_at: int
    last_at: int
    as_of: int
    total: Part
    events: Mapping[str, int]
    maturity: Maturity
    providers: tuple[Part, ...]
    variants: tuple[Part, ...]
    refusals: tuple[Refusal, ...]
    links: tuple[Link, ...]
    course: Course
    scores: tuple[Score, ...]
    decisions: tuple[Mapping[str, Any], ...]


def figure(name: str, count: int, of: str, denominator: int) -> Figure:
    """The count with its share."""
    return Figure(name, count, of, denominator, count / denominator if denominator else None)


def part_of(row: Mapping[str, Any], other: str = "") -> Part:
    """A row of `campaign_messages.sql`; `other` stands for a name that is not known."""
    messages, delivered = int(row["messages"]), int(row["delivered"])
    found = {
        name: figure(name, int(row[name]), *((MESSAGES, messages) if name in _OF_MESSAGES else (DELIVERED, delivered)))
        for name in WORDS
    }
    return Part(row["name"] or other, messages, int(row["recipients"]), found)
