"""How the reputation stage's cost grows: partitions, keys, batch size and workers.

Not part of a quick run. Each row of a table is a figure of its own; totals are compared with the truth as in
`reputation.py`. For one and two workers the processes join an empty topic, are stopped with SIGSTOP while it is
filled, and go on together; the time runs until the group's committed offsets reach the end.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition

from benchmarks import brokers, lane_run
from benchmarks.engines import Answer
from benchmarks.events import Made, Rows, Source, Traffic
from benchmarks.figure import Figure, Plan, median_of, missing
from benchmarks.processes import used
from benchmarks.stages import ROOT
from streams.local import processes

EVENTS = 600_000
_TIMEOUT_S = 240.0
_JOIN_S = 90.0
_LONG_SESSION_MS = 14_000  # workers are stopped while their topic is filled; half of it passes in silence
_OWNED = re.compile(r"own partitions \[([^\]]+)\]")
PARTITIONS = (1, 2, 4, 16)
BATCHES = (1_000, 10_000, 50_000)


def measure(plan: Plan) -> list[Figure]:
    """Every table, on the plan's first broker."""
    if plan.quick:
        return []
    base = Traffic(events=EVENTS, seed=plan.seed)
    with brokers.started(plan.brokers[0], plan.work / "broker") as broker:
        bench = Bench(broker.bootstrap, plan)
        found: list[Figure] = []
        for count in PARTITIONS:
            found += bench.row(f"partitions_{count}", replace(base, partitions=count))
        for name, traffic in sizes(base).items():
            found += bench.row(f"keys_{name}", traffic)
        for batch in BATCHES:
            found += bench.row(f"batch_{batch}", base, batch=batch)
        found += [bench.workers(count, base) for count in (1, 2)]
        return found


def sizes(base: Traffic) -> dict[str, Traffic]:
    """About a thousand, a hundred thousand and a million rows."""
    small = replace(base, campaigns=10, ips=4, pools=1, domains=2, minutes=1)
    large = replace(base, campaigns=99_999, ips=250, minutes=10, repeats=0.0)
    return {"1k": small, "100k": replace(base, campaigns=400, minutes=5), "1m": large}


class Bench:
    """Runs over one broker, one after the other."""

    def __init__(self, bootstrap: str, plan: Plan) -> None:
        self._bootstrap, self._plan = bootstrap, plan

    def row(self, name: str, traffic: Traffic, batch: int = 0) -> list[Figure]:
        """Events per second and CPU seconds per million of one worker over a filled topic."""
        topic, source = self._fill(traffic)
        rows, answers = source.rows(), list[Answer]()
        try:
            for _ in range(self._plan.runs):
                answers.append(self._once(topic, traffic, rows, batch)[0])
        except brokers.CannotRunError as error:
            return [missing(f"reputation_{name}_eps", "events/s", str(error))]
        note = f"{len(rows):,} rows" if all(answer.is_right for answer in answers) else "wrong totals"
        cpu = [answer.cpu_s_per_million for answer in answers]
        self._plan.say(f"{name:<15} {answers[-1].eps:>9,.0f} events/s {cpu[-1]:>6.2f} CPU-s per million, {note}")
        return [
            median_of(f"reputation_{name}_eps", [answer.eps for answer in answers], "events/s", note=note),
            median_of(f"reputation_{name}_cpu_s", cpu, "CPU-s/million"),
        ]

    def workers(self, count: int, traffic: Traffic) -> Figure:
        """Events per second of `count` workers that share the partitions."""
        name, runs, cpu_s = f"reputation_workers_{count}_eps", list[float](), 0.0
        records = list(Source(traffic).records())
        try:
            for _ in range(self._plan.runs):
                wall_s, cpu_s = self._together(count, traffic, records)
                runs.append(len(records) / wall_s)
        except brokers.CannotRunError as error:
            return missing(name, "events/s", str(error))
        note = f"{cpu_s / len(records) * 1e6:.2f} CPU-s per million, until committed"
        self._plan.say(f"workers {count}: {runs[-1]:,.0f} events/s, {note}")
        return median_of(name, runs, "events/s", note=note)

    # -- how ---------------------------------------------------------------------------------------------------------

    def _fill(self, traffic: Traffic) -> tuple[str, Source]:
        topic, source = f"bench-{uuid.uuid4().hex[:8]}", Source(traffic)
        brokers.make_topic(self._bootstrap, topic, traffic.partitions)
        brokers.fill(self._bootstrap, topic, source.records())
        return topic, source

    def _once(self, topic: str, traffic: Traffic, rows: Rows, batch: int) -> tuple[Answer, str]:
        log = self._plan.work / f"{topic}.log"
        return lane_run.run(self._bootstrap, topic, traffic.events, traffic.partitions, rows, log, _TIMEOUT_S, batch)

    def _together(self, count: int, traffic: Traffic, records: Sequence[Made]) -> tuple[float, float]:
        """Wall and CPU seconds of `count` workers over the records."""
        topic, group = f"bench-{uuid.uuid4().hex[:8]}", f"bench-{uuid.uuid4().hex[:8]}"
        changelog = f"{topic}-changelog"
        brokers.make_topic(self._bootstrap, topic, traffic.partitions)
        brokers.make_topic(self._bootstrap, changelog, traffic.partitions, is_compacted=True)
        argv = lane_run.argv_of(self._bootstrap, topic, 0, changelog, group, session_ms=_LONG_SESSION_MS)
        logs = [self._plan.work / f"{topic}-{number}.log" for number in range(count)]
        with _worker(argv, logs[0]) as first, _worker(argv if count == 2 else (), logs[-1]) as second:
            workers = [worker for worker in (first, second) if worker is not None]
            share = traffic.partitions // count
            _until(lambda: all(_owned(_text(log)) == share for log in logs), _JOIN_S, "the group")
            for worker in workers:
                os.kill(worker.pid, signal.SIGSTOP)
            brokers.fill(self._bootstrap, topic, records)
            for worker in workers:
                os.kill(worker.pid, signal.SIGCONT)
            began, before = time.monotonic(), sum(used(worker.pid).cpu_s for worker in workers)
            with self._committed(topic, group, traffic.partitions) as committed:
                _until(lambda: committed() >= len(records), _TIMEOUT_S, "the workers")
            return time.monotonic() - began, sum(used(worker.pid).cpu_s for worker in workers) - before

    @contextmanager
    def _committed(self, topic: str, group: str, partitions: int) -> Iterator[brokers.Number]:
        """A function that answers how far the group has committed, all partitions together."""
        asker = Consumer({"bootstrap.servers": self._bootstrap, "group.id": group, "log_level": 2})
        places = [TopicPartition(topic, number) for number in range(partitions)]
        try:
            yield lambda: sum(max(0, place.offset) for place in asker.committed(places, timeout=10))
        finally:
            asker.close()


@contextmanager
def _worker(argv: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes] | None]:
    """A process that is killed in the end; none for an empty command."""
    if not argv:
        yield None
        return
    process = processes.spawn(argv, log=log, env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"})
    try:
        yield process
    finally:
        processes.kill(process)


def _until(is_so: brokers.Question, timeout_s: float, what: str) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_so():
        if time.monotonic() > deadline:
            raise brokers.CannotRunError(f"{what}: nothing after {timeout_s:.0f} s")
        time.sleep(0.02)


def _owned(log: str) -> int:
    """How many partitions a worker says it owns, the last time it said so; -1 if it never did."""
    said = _OWNED.findall(log)
    return len(said[-1].split(",")) if said else -1


def _text(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
