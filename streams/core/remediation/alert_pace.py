"""How often one channel is told something: one by one up to a number an hour, above it together.

At most `most` single messages in any hour, and beyond them a digest every five minutes: people who are told twenty
things in an hour read the twenty-first only if it comes with the rest. What has begun to wait goes with the next
digest, so nothing overtakes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from schemas.topics import HOUR_MS

DIGEST_MS = 5 * 60 * 1000


class Turn(Enum):
    """What is sent now."""

    ONE = "one"  # the oldest that waits
    ALL = "all"  # everything that waits, as a digest
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Times of the single messages of the last hour (ms), and whether what comes now waits for a digest."""

    singles: tuple[int, ...] = ()
    is_full: bool = False


def turn(pace: Pace, now_ms: int, most: int, waiting_since: int) -> tuple[Pace, Turn, int]:
    """What may go out, the pace after it, and the milliseconds until something may if nothing does now.

    To be called while something waits, the oldest of it since `waiting_since` (ms).
    """
    recent = tuple(at for at in pace.singles if now_ms - HOUR_MS < at <= now_ms)
    if not pace.is_full and len(recent) < most:
        return Pace(singles=(*recent, now_ms)), Turn.ONE, 0
    due = waiting_since + DIGEST_MS  # a digest leaves nothing waiting, so it is also five minutes after the last
    if now_ms >= due:
        return Pace(singles=recent, is_full=len(recent) >= most), Turn.ALL, 0
    return Pace(singles=recent, is_full=True), Turn.NONE, due - now_ms
