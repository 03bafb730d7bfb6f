"""Webhooks of segments: who is told when somebody enters a segment or leaves it, as a frozen model.

`docs/segments.md` has an example, and says how a receiver verifies what it gets.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from schemas.signed_webhook import WebhookSecret, WebhookUrl
from schemas.transitions import SegmentTransition

MOST_SEGMENT_WEBHOOKS = 20  # each is a consumer of its own


class SegmentWebhook(BaseModel):
    """One receiver. Told is every transition of `tenant` in one of `segments` ("*": of all) in that `direction`.

    `begin`: where a webhook starts that was never started before: `now`, or the `earliest` transition that the log
    has. `max_per_s`: posts a second. `give_up_after_h`: hours after which a transition that is not taken becomes a dead
    letter.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")
    url: WebhookUrl
    secret: WebhookSecret
    tenant: str = "default"
    segments: list[str] = Field(default_factory=lambda: ["*"], max_length=1_000)
    direction: Literal["entered", "left", "both"] = "both"
    begin: Literal["now", "earliest"] = "now"
    max_per_s: float = Field(default=100.0, ge=0.1, le=1_000)
    give_up_after_h: float = Field(default=24.0, ge=0.01, le=30 * 24)  # the topic keeps transitions for 30 days

    @field_validator("url", "secret")
    @classmethod
    def _is_there(cls, given: SecretStr) -> SecretStr:
        if not given.get_secret_value():
            raise ValueError("it is empty; a segment webhook needs an address and a secret to sign with")
        return given

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
