"""How fast one API is asked: a token bucket, kept as the one time at which it would be full again.

Requests may go at `per_s` in the long run and `burst` at once after a rest. When the API itself says when to come back
(429 with Retry-After), nothing goes before. Pure: a frozen state, and the time as a parameter in milliseconds.
Method: the generic cell rate algorithm (ITU-T I.371), which counts like a token bucket and needs no timer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from connectors.controls.base import Pace

ROUNDING_MS = 0.01  # a hundred times what a double loses at today's milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """`full_ms`: when the bucket is full again if nothing more is taken; `held_ms`: nothing goes before."""

    full_ms: float = 0.0
    held_ms: int = 0

    def wait_ms(self, pace: Pace, now_ms: int) -> int:
        """Milliseconds until there is a token; 0 now."""
        interval_ms = 1000 / pace.per_s
        empty_ms = self.full_ms - (pace.burst - 1) * interval_ms - now_ms
        return max(math.ceil(empty_ms - ROUNDING_MS), self.held_ms - now_ms, 0)

    def taken(self, pace: Pace, now_ms: int) -> Bucket:
        """One token less."""
        return replace(self, full_ms=max(self.full_ms, float(now_ms)) + 1000 / pace.per_s)

    def held(self, until_ms: int) -> Bucket:
        """The API asked to be left alone until then."""
        return replace(self, held_ms=max(self.held_ms, until_ms))
