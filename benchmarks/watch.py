"""The watch at full load: 100,000 keys, 10,000 events a second counted under all nine kinds of keys, for a minute.

Keys are drawn evenly, so that nearly every event is a row of its own: the worst case. Measured is the CPU time of
`take`, `due` and `verdict` in this process. The share is of one core: CPU seconds for each second of the log.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from benchmarks.figure import Figure, Plan, median_of
from schemas.aggregates import KeyKind
from streams.core.compiled import Ints
from streams.core.meaning import METRICS
from streams.core.reputation.watch import Watch

KEYS, EVENTS, SECONDS = 100_000, 10_000, 60
START = 1_750_000_020 // 60 * 60
GOAL = "<= 50"
Slot = tuple[int, list[bytes], Ints, Ints]
_SHARES = {
    "delivered": 0.6,
    "bounced_block": 0.005,
    "opened": 0.2,
    "deferred": 0.1,
    "bounced_address": 0.015,
    "complained": 0.0003,
}
_WORST = 0.001  # share of keys that are refused: their verdicts are said again and again


def measure(plan: Plan) -> list[Figure]:
    """The share of a core, and the memory of a key."""
    shares, said, rows, size = [], 0, 0, 0.0
    for _ in range(plan.runs):
        watch, spent_s, said, rows = Watch(), 0.0, 0, 0
        _every_key(watch)
        for slot in _slots(plan.seed, SECONDS):
            began = time.process_time()
            said += _play(watch, slot)
            spent_s += time.process_time() - began
            rows += len(slot[1])
        shares.append(100.0 * spent_s / SECONDS)
        size = watch.nbytes / len(watch)
    note = f"{KEYS:,} keys, {EVENTS:,} events/s, {rows / SECONDS:,.0f} rows/s; {said:,} verdicts in {SECONDS} s"
    return [
        median_of("watch_core_share", shares, "%", goal=GOAL, note=note),
        median_of("watch_row_us", [share * SECONDS * 1e4 / rows for share in shares], "us", note="CPU a row"),
        median_of("watch_key_bytes", [size], "bytes", note="state, name and the room left to grow"),
    ]


def _play(watch: Watch, slot: Slot) -> int:
    at, names, minutes, counts = slot
    watch.take(at, names, minutes, counts)
    return len([watch.verdict(name, at) for name in watch.due(at)])


def _names() -> list[bytes]:
    kinds = list(KeyKind)
    return [
        f"tenant-{key % 50}\x1f{kinds[key % len(kinds)]}\x1fkey-{key // len(kinds)}|gmail".encode()
        for key in range(KEYS)
    ]  # fmt: skip


def _every_key(watch: Watch) -> None:
    counts = np.zeros((KEYS, len(METRICS)), np.int64)
    counts[:, METRICS.index("delivered")] = 50
    watch.take(START - 60, _names(), np.full(KEYS, (START - 60) * 1000), counts)


def _slots(seed: int, seconds: int) -> Iterator[Slot]:
    """Each event under one key of each kind; partitions, sources and minutes make three rows of some keys."""
    generator, names = np.random.default_rng(seed), _names()
    kinds = len(KeyKind)
    metrics = [METRICS.index(name) for name in _SHARES]
    shares = np.array(list(_SHARES.values()))
    for second in range(seconds):
        keys = generator.integers(0, KEYS // kinds, EVENTS * kinds) * kinds
        keys += np.tile(np.arange(kinds), EVENTS)
        rows, events = np.unique(keys * 3 + generator.integers(0, 3, len(keys)), return_counts=True)
        counts = np.zeros((len(rows), len(METRICS)), np.int64)
        for metric, share in zip(metrics, shares, strict=True):
            worse = np.where((rows // 3 % int(1 / _WORST) == 0) & (metric == METRICS.index("bounced_block")), 80, 1)
            counts[:, metric] = generator.binomial(events, share * worse)
        slot = START + second
        minutes = (slot // 60 - rows % 3 // 2) * 60_000
        yield slot, [names[row // 3] for row in rows.tolist()], minutes, counts
