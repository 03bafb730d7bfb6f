"""Slots for the watch, built in a line, and what became of simulated campaigns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from schemas.aggregates import KeyKind, Level, Signal
from streams.commands.simulated_campaigns import Fate
from streams.core.compiled import Ints
from streams.core.meaning import METRICS
from streams.core.reputation.watch import PARAMETERS, Parameters, Watch
from streams.core.reputation.watch import state as at
from streams.core.reputation.watch.parameters import WATCHED
from tests.unit.streams.core.reputation_cases import START

MINUTE_MS = 60_000
SLOT = START // 1000  # the first second of minute 0
Row = tuple[bytes, int, Mapping[str, int]]  # name, event minute (ms), counts
Slot = tuple[int, Sequence[Row]]
Minutes = dict[int, dict[str, int]]
CAMPAIGN = {place.number: place.detector for place in WATCHED[KeyKind.CAMPAIGN]}
DAY = 1440


def name_of(kind: str = "campaign", key: str = "spring", tenant: str = "acme") -> bytes:
    return f"{tenant}\x1f{kind}\x1f{key}".encode()


def columns(rows: Sequence[Row]) -> tuple[list[bytes], Ints, Ints]:
    """What `Watch.take` takes."""
    counts = np.zeros((len(rows), len(METRICS)), np.int64)
    for place, (_, _, given) in enumerate(rows):
        for metric, value in given.items():
            counts[place, METRICS.index(metric)] = value
    return [row[0] for row in rows], np.array([row[1] for row in rows], np.int64), counts


def take(watch: Watch, slot: int, *rows: Row) -> None:
    watch.take(slot, *columns(rows))


def spread(counts: Mapping[str, int]) -> list[tuple[int, Mapping[str, int]]]:
    """Second and counts of a minute's mail: what bounces in one second counts as a run."""
    if "bounced_address" not in counts:
        return [(59, counts)]
    return [
        (second, {metric: count * (second + 1) // 60 - count * second // 60 for metric, count in counts.items()})
        for second in range(60)
    ]


def watch_of(
    minutes: Mapping[int, Mapping[str, int]], until: int | None = None, kind: str = "campaign", key: str = "spring",
    parameters: Parameters = PARAMETERS,
) -> tuple[Watch, bytes]:  # fmt: skip
    """A watch after {minute: {metric: count}}, each minute in its last second, bounces evenly over its seconds.

    Minutes are counted from START.

    `until`: another key's mail takes event time on to this minute, and the key's level is judged again then.
    """
    watch, name = Watch(parameters), name_of(kind, key)
    for minute in sorted(minutes):
        for second, counts in spread(minutes[minute]):
            take(watch, SLOT + minute * 60 + second, (name, START + minute * MINUTE_MS, counts))
    if until is not None:
        slot = SLOT + until * 60 + 59
        rest = (name_of(key="another"), START + until * MINUTE_MS, {"delivered": 1})
        take(watch, slot, rest, (name, START + until * MINUTE_MS, {"other": 1}))
    return watch, name


def signals_of(
    minutes: Mapping[int, Mapping[str, int]], until: int | None = None, kind: str = "campaign", key: str = "spring",
    parameters: Parameters = PARAMETERS,
) -> dict[str, Signal]:  # fmt: skip
    """What the detectors say then, by their names."""
    watch, name = watch_of(minutes, until, kind, key, parameters)
    return {signal.detector: signal for signal in watch.signals(name)}


def paused(fates: list[Fate]) -> int:
    return sum(fate.worst is Level.PAUSED for fate in fates)


def median_sent(fates: list[Fate]) -> float:
    return float(np.median([fate.sent if fate.sent >= 0 else math.inf for fate in fates]))


def slot_of(**counts: float) -> np.ndarray:
    batch = np.zeros(at.BATCH)
    for name, value in counts.items():
        batch[getattr(at, name.upper())] = value
    return batch
