"""From a statistic to a level: thresholds, and the least evidence that may speak at all. The first columns of every
detector's numbers."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from schemas.aggregates import Level, Signal
from streams.core.compiled import INT, REAL, REALS, Floats, Number, compiled
from streams.core.reputation.levels import LeastEvents, Thresholds

LEVELS = (Level.HEALTHY, Level.WATCH, Level.THROTTLED, Level.PAUSED)
HEALTHY, WATCH, THROTTLED, PAUSED = range(4)
WARN, THROTTLE, PAUSE, LEAST_WARN, LEAST_THROTTLE, LEAST_PAUSE = range(6)
OWN = 6  # where a detector's own numbers begin
NEVER = float("inf")


class Detector(Protocol):
    """One question about one key: frozen numbers, and what they make of a state.

    Beside it each module has `update(state, numbers, batch)` and `level(state, numbers)`, compiled, with `numbers`
    what `row` says; `batch` is a slot's counts and exposure, already in the state's own counts.
    """

    @property
    def is_warning(self) -> bool:
        """Whether it is only said when it speaks."""

    def row(self) -> tuple[float, ...]:
        """The numbers, as the compiled functions take them: the ladder, then its own."""

    def signal(self, state: Floats) -> Signal:
        """The statistic now, its level and the reason. Never raises."""


def ladder(thresholds: Thresholds, least: LeastEvents) -> tuple[float, ...]:
    """The first columns of a row."""
    return (thresholds.warn, thresholds.throttle, thresholds.pause, least.warn, least.throttle, least.pause)


def watch_at_most(at: float, least: float) -> tuple[float, ...]:
    """The first columns of a warning."""
    return (at, NEVER, NEVER, least, NEVER, NEVER)


def numbers_of(detector: Detector) -> Floats:
    """A detector's row as an array."""
    return np.array(detector.row())


@compiled(INT(REAL, REAL, REALS))
def level_of(statistic: Number, events: Number, numbers: Floats) -> Number:
    """The highest level whose threshold and least number of events are both reached: 0 healthy to 3 paused."""
    for level in range(3, 0, -1):
        if statistic >= numbers[WARN + level - 1] and events >= numbers[LEAST_WARN + level - 1]:
            return level
    return 0
