"""What the log of recipient events holds beside events: the rules in force from there on, and facts of the past.

Rules are in the log so that every reader changes them at the same place, and a log that is read again gives the same
transitions. Facts of the past come from the store, for segments that begin.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.events import Millis


@dataclass(slots=True, kw_only=True)
class RulesAnnounced:
    """The segments of a tenant from here on; in every partition, and in the topic of rules the newest of each tenant.

    `number`: rises with each announcement of the tenant; one that is not higher than the last says nothing. `live`:
    the segments that are followed, `building`: those of which only facts are kept until their past is there.
    `journeys`: that let in, `earlier`: versions of them before, whose runs go on. All as
    `streams.core.segments.announced` packs them.
    """

    tenant: str
    number: int
    live: bytes
    building: bytes = b""
    journeys: bytes = b""
    earlier: bytes = b""


@dataclass(slots=True, kw_only=True)
class PastFact:
    """A stored event, once more, for segments that are being built: one that is known already says nothing.

    `name`, `properties`, `traits`: as segments see it (`streams.core.segments.fact`); the latter two JSON objects, ""
    for none. `occurred_at`: when it happened.
    """

    tenant: str
    recipient_key: str
    event_id: str
    name: str
    occurred_at: Millis
    properties: str
    traits: str


@dataclass(slots=True, kw_only=True)
class PastRead:
    """So many facts of a tenant's past were sent before this; the sender waits until it is read."""

    tenant: str
    facts: int


@dataclass(slots=True, kw_only=True)
class SegmentStatus:
    """What has become of a segment: `building`, `live`, or `ended`, from `since` on."""

    tenant: str
    segment_id: str
    rule_version: str
    status: str
    since: Millis
