"""Webhooks of segments: who is told when somebody enters a segment or leaves it, as a frozen model.

`docs/segments.md` has an example, and says how a receiver verifies what it gets.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, field_validator

from schemas.receivers import Receiver
from schemas.transitions import SegmentTransition

MOST_SEGMENT_WEBHOOKS = 20  # each is a consumer of its own


class SegmentWebhook(Receiver):
    """One receiver. Told is every transition of `tenant` in one of `segments` ("*": of all) in that `direction`."""

    called: ClassVar[str] = "segment webhook"

    segments: list[str] = Field(default_factory=lambda: ["*"], max_length=1_000)
    direction: Literal["entered", "left", "both"] = "both"

    @field_validator("segments")
    @classmethod
    def _has_segments(cls, segments: list[str]) -> list[str]:
        if not segments:
            raise ValueError("an empty list tells nothing; leave `segments` out to tell of all")
        if "*" in segments and len(segments) > 1:
            raise ValueError('"*" means all segments; take it away, or the others')
        return segments

    def wants(self, transition: SegmentTransition) -> bool:
        """Is this receiver told of it?"""
        is_ours = transition.tenant == self.tenant and ("*" in self.segments or transition.segment_id in self.segments)
        return is_ours and self.direction in {"both", "entered" if transition.is_member else "left"}
