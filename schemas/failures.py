"""The dead letter: what could not be processed, with everything needed to mend it and try again.

Its id is a hash of where it came from, so processing the same record twice leaves one dead letter.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from schemas.events import Millis


class Stage(StrEnum):
    """Which service gave up."""

    NORMALISE = "normalise"
    REPUTATION = "reputation"
    REMEDIATION = "remediation"
    SUPPRESSION = "suppression"
    SEGMENTS = "segments"
    SINK = "sink"


@dataclass(slots=True, kw_only=True)
class DeadLetter:
    """`original` holds the bytes of the record (or of the one item) exactly as they were read.

    `item_index`: which item of the record, -1 for the whole record.
    """

    dead_letter_id: str
    stage: str  # Stage
    code: str  # FailureCode
    reason: str
    tenant: str
    source: str
    provider: str
    received_at: Millis
    origin_topic: str
    origin_partition: int
    origin_offset: int
    item_index: int
    original: bytes
