"""Suppressions: who must not be mailed any more, why, since when, until when; and who took that back.

A record is a fact about one address, scope and cause. Of two facts about the same the newer one counts, by event
time, so facts may come in any order and any number of times (`streams.core.suppression.joined`). The end of a
suppression is a fact too, with a name and a reason, and never a tombstone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from schemas.events import Millis

TENANT_SCOPE = "tenant"
"""The scope of a suppression from all mail of a tenant; any other scope is the name of a stream."""


class SuppressionCause(StrEnum):
    """Why an address must not be mailed; the most serious first."""

    COMPLAINT = "complaint"
    UNSUBSCRIBE = "unsubscribe"
    DEAD_ADDRESS = "dead_address"
    DEAD_DOMAIN = "dead_domain"
    MANUAL = "manual"  # a person of the sender's said so
    IMPORTED = "imported"  # from another list, which did not say why
    SOFT = "soft"  # final, but not permanent failures on several days: ends by itself


class SuppressionStatus(StrEnum):
    """What a fact says."""

    ACTIVE = "active"
    REMOVED = "removed"


@dataclass(slots=True, kw_only=True)
class Suppression:
    """One fact. `since`: when it happened, by event time; `until`: when an active one ends, 0 for never.

    `event_id`: the email event it comes from, "" for a person's word. `who`: who said so, "" for an event.
    `recipient`: the address where it is known; `recipient_key` is the keyed hash that events carry.
    """

    tenant: str
    scope: str
    recipient_key: str
    cause: str  # SuppressionCause
    status: str  # SuppressionStatus
    since: Millis
    until: Millis = 0
    source: str = ""
    event_id: str = ""
    reason: str = ""
    who: str = ""
    recipient: str = ""


@dataclass(slots=True, kw_only=True)
class FailingDays:
    """On which days mail to an address failed for good without the address being dead.

    `last_day`: the last of them, in days since the epoch (UTC); bit i of `days` is the day i days before it.
    """

    tenant: str
    recipient_key: str
    last_day: int
    days: int
