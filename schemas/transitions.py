"""Transitions: somebody enters a segment or leaves it.

What a transition says follows from the log alone, so a log that is read again gives the same ones, byte for byte, and
its id tells a repeat from news.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.events import Millis
from schemas.identity import digest

RULE = "rule"
"""The cause of a change that comes of the rules: a segment is gone or means something else now."""


@dataclass(slots=True, kw_only=True)
class SegmentTransition:
    """One recipient enters (`is_member` 1) or leaves (0) one segment.

    `cause`: the event's id, "" for time alone, "rule" for a change of the rules. `effective_at`: the instant from
    which it holds. `detected_at`: when it could be known: the log's clock at the event; of time alone, the instant
    itself. `number`: the recipient's how-manieth transition, from 1; of one recipient the highest is the newest.
    """

    transition_id: str
    tenant: str
    recipient_key: str
    segment_id: str
    rule_version: str
    is_member: int
    detected_at: Millis
    effective_at: Millis
    cause: str
    number: int


def transition_id(
    tenant: str, recipient_key: str, segment_id: str, rule_version: str, effective_at: int, is_member: int, cause: str
) -> str:
    """32 hex digits: the same change has the same id, whoever finds it and how often."""
    return digest(tenant, recipient_key, segment_id, rule_version, effective_at, is_member, cause)
