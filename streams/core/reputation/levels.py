"""From a statistic to a level: thresholds, and the least evidence that may speak at all."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from schemas.aggregates import RANK, Level


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What the statistic must reach for each level."""

    warn: float
    throttle: float
    pause: float

    def raised_for(self, keys: int) -> Thresholds:
        """Raised by ln K, so that K keys watched together alarm falsely as seldom as one (union bound)."""
        return Thresholds(*(value + math.log(keys) for value in (self.warn, self.throttle, self.pause)))


@dataclass(frozen=True, slots=True)
class LeastEvents:
    """How many adverse events a level needs at least, however extreme the statistic: a person must be
    able to point at them."""

    warn: int = 3
    throttle: int = 4
    pause: int = 5


def worst(levels: Iterable[str]) -> Level:
    """The level furthest from healthy; healthy if there is none."""
    return max((Level(level) for level in levels), key=RANK.__getitem__, default=Level.HEALTHY)
