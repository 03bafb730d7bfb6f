"""The restart of a reputation service that holds a million rows: from the start of the process until it is ready.

The product's service and topics: it counts the events, is killed, and starts again with every row to be read back
twice, by the lane into its counts and by the scorer into its ledger. Ready is what its own page says.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from confluent_kafka import Consumer, TopicPartition

from benchmarks import brokers
from benchmarks.events import Source, Traffic
from benchmarks.figure import Figure, Plan, median_of, missing
from benchmarks.growth import EVENTS, sizes
from benchmarks.processes import used
from benchmarks.stages import ROOT
from schemas.topics import EMAIL_EVENTS
from streams.local import ports, processes
from streams.topics import apply_topics

NAME, UNIT, GOAL = "restart_million_keys_s", "s", "<= 20"
_GROUP = "mailweir-reputation"
_TIMEOUT_S = 240.0
_POLL_S = 0.05


def measure(plan: Plan) -> list[Figure]:
    """Seconds until ready, on the plan's first broker."""
    traffic = sizes(Traffic(events=EVENTS, seed=plan.seed))["1m"]
    source = Source(traffic)
    try:
        with brokers.started(plan.brokers[0], plan.work / "broker") as broker:
            apply_topics(broker.bootstrap, traffic.partitions, 1, timeout_s=30.0)
            brokers.fill(broker.bootstrap, EMAIL_EVENTS.name, source.records())
            with _service(broker.bootstrap, traffic.partitions, plan.work / "first.log"):
                _until_committed(broker.bootstrap, traffic)
            runs = [_once(broker.bootstrap, traffic.partitions, plan, number) for number in range(plan.runs)]
    except brokers.CannotRunError as error:
        return [missing(NAME, UNIT, str(error), goal=GOAL)]
    times, cpu_s, memory_mb = (list(column) for column in zip(*runs, strict=True))
    note = f"{len(source.rows()):,} rows and {traffic.events:,} event ids, in the lane and in the scorer"
    return [
        median_of(NAME, times, UNIT, goal=GOAL, note=note),
        median_of("restart_million_keys_cpu_s", cpu_s, "CPU-s"),
        median_of("restart_million_keys_rss_mb", memory_mb, "MB"),
    ]


def _once(bootstrap: str, partitions: int, plan: Plan, number: int) -> tuple[float, float, float]:
    began = time.monotonic()
    with _service(bootstrap, partitions, plan.work / f"again-{number}.log") as pid:
        took_s, spent = time.monotonic() - began, used(pid)
    plan.say(f"ready after {took_s:.1f} s, {spent.cpu_s:.1f} CPU-s, {spent.rss_mb:.0f} MB")
    return took_s, spent.cpu_s, spent.rss_mb


@contextmanager
def _service(bootstrap: str, partitions: int, log: Path) -> Iterator[int]:
    """The reputation service, once it is ready; killed in the end. Its process id."""
    port = ports.free_port()
    settings = {
        "MAILWEIR_KAFKA": bootstrap,
        "MAILWEIR_PARTITIONS": str(partitions),
        "MAILWEIR_METRICS_PORT": str(port),
        "MAILWEIR_SESSION_TIMEOUT_MS": "6000",
        "PYTHONPATH": str(ROOT),
    }
    process = processes.spawn([sys.executable, "-m", "streams", "reputation"], log=log, env={**os.environ, **settings})
    try:
        until_ready(f"http://{ports.LOOPBACK}:{port}/readyz", process)
        yield process.pid
    finally:
        processes.kill(process)


def until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until a service says that it is ready. Raises CannotRunError."""
    deadline = time.monotonic() + _TIMEOUT_S
    with httpx.Client(timeout=5.0, trust_env=False) as client:
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if client.get(url).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            time.sleep(_POLL_S)
    raise brokers.CannotRunError("the service did not get ready")


def _until_committed(bootstrap: str, traffic: Traffic) -> None:
    asker = Consumer({"bootstrap.servers": bootstrap, "group.id": _GROUP, "log_level": 2})
    places = [TopicPartition(EMAIL_EVENTS.name, number) for number in range(traffic.partitions)]
    deadline = time.monotonic() + _TIMEOUT_S
    try:
        while sum(max(0, place.offset) for place in asker.committed(places, timeout=10)) < traffic.events:
            if time.monotonic() > deadline:
                raise brokers.CannotRunError(f"the events were not counted in {_TIMEOUT_S:.0f} s")
            time.sleep(_POLL_S * 4)
    finally:
        asker.close()
