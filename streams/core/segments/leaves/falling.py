"""`engagement` from look to look: the sum is kept, with how wrong it may be, and asked exactly only near a bound.

Between events the score halves at its pace, so the sum is kept as of an instant and scaled to the next. Each sum and
each power adds to what it may be wrong by, far more than doubles are; where that could matter, all events are gone
through.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from streams.core.segments.leaf import FOREVER, Look, Memo
from streams.core.segments.moving import Moving
from streams.core.segments.pieces import Bodies
from streams.core.segments.records import TIME, time_at, upto

_WRONG = 1e-13  # of each term and sum; a power of 2 to 64 is right to a tenth of it
_NEAR = 2e-9  # a score is asked for in billionths
_REBASE = 8  # half-lives, after which the sum is as of another instant
_SURE = 0.99  # of the time until a bound is crossed


class Asked(NamedTuple):
    """`exact`: what goes through all events; `edges`: scores in billionths at which the answer may be another one."""

    exact: Look
    place: int
    size: int
    weights: Sequence[float]
    half_life: int
    edges: Sequence[int]
    is_within: Callable[[int, int], bool]


class Falling:
    """The score of the events that it was told of, as of `_at`."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._bounds = [(edge, (edge - 0.5) / 1e9) for edge in asked.edges]
        self._events = Moving(asked.size, lambda record: self._tell(record, 1), lambda record: self._tell(record, -1))
        self._at, self._sum, self._wrong = 0, 0.0, 0.0

    def look(self, bodies: Bodies, now: int, memo: Memo) -> int:
        """As the exact one, `until` earlier."""
        asked = self._asked
        body, size = bodies[asked.place], asked.size
        high = upto(body, size, now) * size
        self._rebase(now)
        self._events.move(body[:high])
        scale = math.pow(2, (self._at - now) / asked.half_life)
        score, wrong = self._sum * scale, self._wrong * scale + _NEAR
        until = time_at(body, high) if high < len(body) else FOREVER
        for edge, bound in self._bounds:
            if abs(score - bound) <= 2 * wrong + _WRONG * abs(bound):
                return asked.exact(bodies, now, memo)
            if (score > bound) == (edge > 0):
                ahead = asked.half_life * math.log2(max((abs(score) - wrong) / abs(bound), 1.0))
                until = min(until, now + max(1, math.floor(ahead * _SURE)))
        is_so = asked.is_within(math.floor(score * 1e9 + 0.5), 1)
        return until if is_so else -until

    def _rebase(self, now: int) -> None:
        """Let the sum be as of now, before the powers become too large."""
        if abs(now - self._at) > _REBASE * self._asked.half_life:
            scale = math.pow(2, min(max((self._at - now) / self._asked.half_life, -1_000.0), 0.0))
            if self._at > now:
                self._events.forget()
                self._sum = self._wrong = 0.0
            self._at, self._sum, self._wrong = now, self._sum * scale, self._wrong * scale

    def _tell(self, record: bytes, by: int) -> None:
        asked = self._asked
        at = int.from_bytes(record[:TIME], "big")
        term = asked.weights[record[-1]] * math.pow(2, (at - self._at) / asked.half_life)
        self._sum += by * term
        self._wrong += _WRONG * (abs(term) + abs(self._sum))
