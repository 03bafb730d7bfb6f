"""What single steps of the core cost, in this process: where a stage's time goes and how it grows with batches.

CPU microseconds, best of several passes over the same input: other programs only ever make a pass slower.
No broker and no threads, so the figures say what remains when everything around the core is free.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.events import Source, Traffic, bodies
from benchmarks.figure import Figure, Plan
from schemas.avro import Codec
from schemas.events import EmailEvent
from streams.core.changes import Row
from streams.core.partials import PartitionCounts
from streams.core.reputation.ledger import Ledger
from streams.core.reputation.partial_rows import read_partials
from streams.core.reputation.score import score
from streams.lane.guard import apart

_CODEC = Codec()
_BATCHES = (50, 300, 2_500, 10_000)
_POST = bytes(12_700)  # as long as a post of 30 SendGrid events


def measure(plan: Plan) -> list[Figure]:
    """Folding by batch size, writing and reading back a row, the ledger, a score, an encoding, a signature."""
    passes = 3 if plan.quick else 10
    values = bodies(Source(Traffic(events=50_000, seed=plan.seed, partitions=1)).records())
    found = []
    for size in _BATCHES:
        costs = _best(partial(_fold, values, size), passes, len(values))
        found.append(_figure(f"fold_{size}_us", costs, f"an event, in batches of {size:,} of one partition"))
    state = _fold(values, 10_000)
    rows = [row for row in state.cut(len(values)).rows if not row[0].startswith(b"\0")]
    found.append(_figure("cut_row_us", _cut_costs(values, passes), "a changed row, encoded"))
    found.append(_figure("restore_row_us", _best(lambda: _restore(rows), passes, len(rows)), "a row read back"))
    held = _bytes_held(lambda: _restore(rows), len(rows))
    found.append(_figure("count_row_bytes", held, "a row of counts in the stage's memory", "bytes"))
    held = _bytes_held(lambda: _ledger(rows), len(rows))
    found.append(_figure("ledger_row_bytes", held, "the same row in the scorer's", "bytes"))
    found.append(_figure("ledger_row_us", _best(lambda: _ledger(rows), passes, len(rows)), "a row new to the scorer"))
    ledger = _ledger(rows)
    views = [ledger.view(key) for key in ledger.keys()]  # noqa: SIM118 - not a dictionary
    scored = _best(lambda: [score(view, (), 0) for view in views], passes, len(views))
    found.append(_figure("score_key_us", scored, "a key with five minutes of counts"))
    events = [_CODEC.decode(value, EmailEvent) for value in values[:5_000]]
    encoded = _best(lambda: [_CODEC.encode(event) for event in events], passes, len(events))
    found.append(_figure("encode_event_us", encoded, "an email event"))
    found.append(_figure("ecdsa_check_us", _ecdsa(passes), "a P-256 signature over 12.7 kB"))
    return found


def _figure(name: str, value: float, note: str, unit: str = "us") -> Figure:
    return Figure(name=name, value=value, unit=unit, runs=[value], note=note)


def _best(work: Callable[[], object], passes: int, items: int) -> float:
    return min(_cpu_s(work) for _ in range(passes)) / items * 1e6


def _bytes_held(work: Callable[[], object], items: int) -> float:
    tracemalloc.start()
    try:
        held = work()
        size = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    del held
    return size / items


def _cpu_s(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _fold(values: list[bytes], size: int) -> PartitionCounts:
    state = PartitionCounts(0, _CODEC, apart)
    for first, batch in _batches(values, size):
        state.fold(batch, range(first, first + len(batch)))
    return state


def _batches(values: list[bytes], size: int) -> Iterator[tuple[int, list[bytes]]]:
    return ((first, values[first : first + size]) for first in range(0, len(values), size))


def _cut_costs(values: list[bytes], passes: int) -> float:
    costs = []
    for _ in range(passes):
        state = _fold(values, 10_000)
        began = time.process_time()
        rows = state.cut(len(values)).rows
        costs.append((time.process_time() - began) / len(rows))
    return min(costs) * 1e6


def _restore(rows: list[Row]) -> PartitionCounts:
    state = PartitionCounts(0, _CODEC, apart)
    state.restore([key for key, _ in rows], [value for _, value in rows])
    return state


def _ledger(rows: list[Row]) -> Ledger:
    ledger, partitions = Ledger(), np.zeros(len(rows), np.int64)
    read, _ = read_partials([key for key, _ in rows], [value for _, value in rows], partitions, _CODEC)
    ledger.apply(read)
    return ledger


def _ecdsa(passes: int) -> float:
    private = ec.generate_private_key(ec.SECP256R1())
    public, scheme = private.public_key(), ec.ECDSA(hashes.SHA256())
    signature = private.sign(_POST, scheme)
    return _best(lambda: [public.verify(signature, _POST, scheme) for _ in range(200)], passes, 200)
