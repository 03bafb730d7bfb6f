"""A key's series: one row of counts per minute of event time, for as long as a minute counts."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from streams.core.meaning import METRICS

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
KEPT_MS = 72 * HOUR_MS  # the lateness that the pipeline accepts; the topic keeps no older minute either
FIELDS = METRICS
COLUMN = {name: place for place, name in enumerate(FIELDS)}

Ints = NDArray[np.int64]


Time = TypeVar("Time", int, Ints)


def horizon(as_of: Time) -> Time:
    """The first minute (number since the epoch) that still counts at `as_of` (ms)."""
    return (as_of - KEPT_MS) // MINUTE_MS
