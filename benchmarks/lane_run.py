"""One run of mailweir's reputation lane over a filled topic, its changelog compared with the truth."""

from __future__ import annotations

import sys
import uuid
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from benchmarks.brokers import make_topic, newest
from benchmarks.engines import Answer, run_worker
from benchmarks.events import METRICS, Rows
from benchmarks.peers.job import SESSION_MS
from schemas.aggregates import ReputationPartial
from schemas.avro import Codec
from schemas.topics import REPUTATION_PARTIALS
from streams.lane.changelog import MARKER_KEY

MODULE = "benchmarks.lane_process"


def argv_of(
    bootstrap: str, topic: str, events: int, changelog: str, group: str, *, batch: int = 0, session_ms: int = SESSION_MS
) -> list[str]:
    """The worker's command line."""
    given = [bootstrap, topic, str(events), group, changelog, str(batch), str(session_ms)]
    return [sys.executable, "-m", MODULE, *given]


def run(
    bootstrap: str, topic: str, events: int, partitions: int, truth: Rows, log: Path, timeout_s: float, batch: int = 0
) -> tuple[Answer, str]:
    """A fresh worker over the whole topic: what it took, and the changelog it wrote. Raises EngineFailedError."""
    changelog = f"{REPUTATION_PARTIALS.name}-{uuid.uuid4().hex[:8]}"
    make_topic(bootstrap, changelog, partitions, is_compacted=True)
    argv = argv_of(bootstrap, topic, events, changelog, f"bench-lane-{uuid.uuid4().hex[:8]}", batch=batch)
    found = run_worker(argv, log, timeout_s)
    answer = Answer(
        events=int(found["events"]),
        wall_s=float(found["wall_s"]),
        cpu_s=float(found["cpu_s"]),
        peak_mb=float(found["peak_mb"]),
        is_right=found["events"] == events and stored(bootstrap, changelog, range(partitions)) == truth,
    )
    return answer, changelog


def stored(bootstrap: str, changelog: str, partitions: Iterable[int]) -> Rows:
    """The rows of a changelog, counts that are not zero."""
    codec, rows = Codec(), Rows()
    for (number, key), value in newest(bootstrap, changelog, tuple(partitions)).items():
        if key == MARKER_KEY or codec.version_of(value).record is not ReputationPartial:
            continue
        row = codec.decode(value, ReputationPartial)
        counts = Counter({name: getattr(row, name) for name in METRICS if getattr(row, name)})
        rows[number, row.kind, row.key, row.minute] = counts
    return rows
