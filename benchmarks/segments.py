"""The segments service with 50 rules, as a process of its own between real topics.

Rate: both event topics are full when it starts; what it has relayed, evaluated and made durable each second, from its
first flush to its last. Latency: 1,000 events a second, among them probes that enter a segment of their own; from the
moment a probe is given to the producer until its transition is read back, committed. Flood: the same while the clock
makes everybody of a large segment leave it at once. Restart: killed, until it is ready again.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from random import Random
from typing import NamedTuple

from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks import brokers
from benchmarks.events import Made
from benchmarks.figure import Figure, Plan, median_of, missing
from benchmarks.latency import percentile
from benchmarks.processes import used
from benchmarks.recipients import history, is_mail, probe, write_rules
from benchmarks.restart import until_ready
from benchmarks.stages import ROOT
from schemas.aggregates import Tick
from schemas.avro import Codec
from schemas.identity import digest
from schemas.topics import ACTIVITY_EVENTS, EMAIL_EVENTS, RECIPIENT_EVENTS, SEGMENT_TRANSITIONS
from schemas.transitions import SegmentTransition
from streams.local import ports, processes
from streams.topics import apply_topics

NAME, UNIT, GOAL = "segments_eps", "events/s", ">= 20,000"
PARTITIONS, RECIPIENTS, DAYS = 4, 200_000, 30
RATE, PROBES_PER_S = 1_000, 50
_MORE_RULES = """
- id: bench-probe
  event: {name: probe, within: 30d}
- id: bench-flood
  event: {name: flood, within: 1d}
"""
_DAY_MS = 86_400_000
_TIMEOUT_S, _POLL_S = 300.0, 0.2


def measure(plan: Plan) -> list[Figure]:
    """Rate, CPU an event and latency on the plan's first broker."""
    size = Size(200_000, 10, 50_000) if plan.quick else Size(1_000_000, 30, 1_000_000)
    try:
        runs = [_run(plan, number, size) for number in range(plan.runs)]
    except brokers.CannotRunError as error:
        return [missing(NAME, UNIT, str(error), goal=GOAL)]
    rates, cpu_us, rss_mb, p50, p99, sizes, worst, drained, again, anew = map(list, zip(*runs, strict=True))
    note = f"50 rules, {size.events:,} events, {RECIPIENTS:,} recipients, one process with its relays"
    flood = f"{RATE:,} events/s while {size.flood:,} recipients leave a segment at once"
    return [
        median_of(NAME, rates, UNIT, goal=GOAL, note=note),
        median_of("segments_cpu_us", cpu_us, "us", note="CPU an event, all threads"),
        median_of("segments_rss_mb", rss_mb, "MB"),
        median_of("segments_transition_p50_ms", p50, "ms", note=f"{RATE:,} events/s"),
        median_of("segments_transition_p99_ms", p99, "ms", goal="< 500", note=f"{RATE:,} events/s"),
        median_of("segments_folder_bytes", sizes, "bytes", note="on disk, a recipient"),
        median_of("segments_flood_worst_ms", worst, "ms", goal="< 2,000", note=flood),
        median_of("segments_flood_s", drained, "s", note="until all of them have left"),
        median_of("segments_restart_s", again, "s", goal="<= 60", note=f"{RECIPIENTS + size.flood:,} recipients"),
        median_of("segments_restore_s", anew, "s", goal="<= 60", note="the same without files, from the log"),
    ]


class Size(NamedTuple):
    """Of a run: events of the rate, seconds of the latency, recipients of the flood."""

    events: int
    seconds: int
    flood: int


def _run(plan: Plan, number: int, size: Size) -> tuple[float, ...]:
    work = plan.work / f"run-{number}"
    folder = work / "segments"
    write_rules(folder)
    (folder / "more.yaml").write_text(_MORE_RULES, encoding="utf-8")
    (work / "mailweir.yaml").write_text("segments: segments\nsegment_history: false\n", encoding="utf-8")
    span_ms = DAYS * _DAY_MS
    start = int(time.time() * 1000) - span_ms
    with brokers.started(plan.brokers[0], work / "broker") as broker:
        apply_topics(broker.bootstrap, PARTITIONS, 1, timeout_s=30.0)
        made = list(history(size.events, RECIPIENTS, plan.seed + number, start, span_ms))
        for topic, is_wanted in ((EMAIL_EVENTS, True), (ACTIVITY_EVENTS, False)):
            brokers.fill(broker.bootstrap, topic.name, (each for each in made if is_mail(each) is is_wanted))
        with _service(broker.bootstrap, work) as pid:
            rate, cpu_us = _until_durable(broker.bootstrap, size.events, pid)
            plan.say(f"{rate:,.0f} events/s, {cpu_us:.1f} us of CPU each")
            stream = Stream(broker.bootstrap, size.seconds, plan.seed + 1_000)
            took = sorted(stream.latencies())
            folder_bytes = sum(each.stat().st_size for each in (work / "data").rglob("*") if each.is_file())
            flood = _flood(size.flood, plan.seed)
            brokers.fill(broker.bootstrap, ACTIVITY_EVENTS.name, flood)
            _until_durable(broker.bootstrap, size.events + size.seconds * RATE + size.flood, pid)
            stream = Stream(broker.bootstrap, size.seconds, plan.seed + 2_000, flood=size.flood)
            worst = max(stream.latencies())
            rss_mb = used(pid).rss_mb
        again_s = _until_started(broker.bootstrap, work)
        shutil.rmtree(work / "data")
        anew_s = _until_started(broker.bootstrap, work)
    p50, p99, bytes_each = percentile(took, 0.5), percentile(took, 0.99), folder_bytes / RECIPIENTS
    plan.say(f"{len(took)} probes: p50 {p50:.0f} ms, p99 {p99:.0f} ms; {rss_mb:.0f} MB, {bytes_each:.0f} bytes each")
    plan.say(f"a flood of {size.flood:,}: worst {worst:.0f} ms, over after {stream.drained_s:.1f} s")
    plan.say(f"started again in {again_s:.1f} s, without its files in {anew_s:.1f} s")
    return rate, cpu_us, rss_mb, p50, p99, bytes_each, worst, stream.drained_s, again_s, anew_s


def _until_started(bootstrap: str, work: Path) -> float:
    """Seconds until the service is ready after a kill."""
    began = time.monotonic()
    with _service(bootstrap, work):
        return time.monotonic() - began


def _flood(count: int, seed: int) -> Iterator[Made]:
    """So many recipients who did the same at the same time."""
    dice, at = Random(seed), int(time.time() * 1000)
    return (probe(dice, digest("flood", seed, number), at, "Flood") for number in range(count))


@contextmanager
def _service(bootstrap: str, work: Path) -> Iterator[int]:
    """The service, once it is ready; killed in the end. Its process id."""
    port = ports.free_port()
    settings = {
        "MAILWEIR_KAFKA": bootstrap, "MAILWEIR_METRICS_PORT": str(port), "MAILWEIR_SESSION_TIMEOUT_MS": "6000",
        "MAILWEIR_CONFIG": str(work / "mailweir.yaml"), "MAILWEIR_DATA": str(work / "data"), "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    argv = [sys.executable, "-m", "streams", "segments"]
    process = processes.spawn(argv, log=work / "segments.log", env={**os.environ, **settings})
    try:
        until_ready(f"http://{ports.LOOPBACK}:{port}/readyz", process)
        yield process.pid
    finally:
        processes.kill(process)


def _until_durable(bootstrap: str, events: int, pid: int) -> tuple[float, float]:
    """Events a second between the first flush seen and the last, and CPU microseconds of each of these."""
    asker = Consumer({"bootstrap.servers": bootstrap, "group.id": "mailweir-segments", "log_level": 2})
    places = [TopicPartition(RECIPIENT_EVENTS.name, number) for number in range(PARTITIONS)]
    deadline, first = time.monotonic() + _TIMEOUT_S, None
    try:
        while True:
            done = sum(max(0, place.offset) for place in asker.committed(places, timeout=10))
            now, cpu_s = time.monotonic(), used(pid).cpu_s
            if first is None and done:
                first = (now, done, cpu_s)
            if first and done >= events:
                more = max(1, done - first[1])
                return more / (now - first[0]), (cpu_s - first[2]) / more * 1e6
            if now > deadline:
                raise brokers.CannotRunError(f"{done:,} of {events:,} events were taken in {_TIMEOUT_S:.0f} s")
            time.sleep(_POLL_S)
    finally:
        asker.close()


class Stream:
    """Events at `RATE`, a probe in the place of some, and the transitions that come of them.

    `flood`: so many leave at once a second after the beginning, since the clock goes on by a day.
    """

    def __init__(self, bootstrap: str, seconds: int, seed: int, flood: int = 0) -> None:
        self._bootstrap, self._seconds, self._seed, self._flood = bootstrap, seconds, seed, flood
        self._codec = Codec()
        self._sent, self._came = dict[str, float](), dict[str, float]()
        self._gone = 0
        self._producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 1, "log_level": 2})
        self.drained_s = 0.0

    def latencies(self) -> list[float]:
        """Milliseconds of each probe; those of a flood go on until it is over."""
        now = int(time.time() * 1000)
        load = list(history(self._seconds * RATE, RECIPIENTS, self._seed, now, self._seconds * 1000))
        dice, every, began = Random(self._seed), RATE // PROBES_PER_S, time.perf_counter()
        deadline = began + _TIMEOUT_S
        with brokers.tail(self._bootstrap, SEGMENT_TRANSITIONS.name, PARTITIONS) as reader:
            for number, made in enumerate(cycle(load)):
                if self._is_over(number, deadline):
                    break
                if self._flood and number == RATE:
                    self._tick(now + _DAY_MS + 60_000)
                    began_flood = time.perf_counter()
                while (wait := began + number / RATE - time.perf_counter()) > 0:
                    self._read(reader)
                    time.sleep(min(wait, 0.002))
                self._send(made if number % every else self._probe(dice))
                if self._flood and self._gone >= self._flood and not self.drained_s:
                    self.drained_s = time.perf_counter() - began_flood
            while len(self._came) < len(self._sent) and time.perf_counter() < deadline:
                self._read(reader)
        if len(self._came) < len(self._sent) or self._gone < self._flood:
            lost = len(self._sent) - len(self._came)
            raise brokers.CannotRunError(f"{lost} probes never came, {self._gone:,} of {self._flood:,} left")
        return [(self._came[who] - at) * 1000 for who, at in self._sent.items()]

    def _is_over(self, number: int, deadline: float) -> bool:
        is_flooded = self._gone < self._flood and time.perf_counter() < deadline
        return number >= self._seconds * RATE and not is_flooded

    def _probe(self, dice: Random) -> Made:
        who = digest("probe", dice.getrandbits(64))
        self._sent[who] = time.perf_counter()
        return probe(dice, who, int(time.time() * 1000))

    def _send(self, made: Made) -> None:
        topic = EMAIL_EVENTS if is_mail(made) else ACTIVITY_EVENTS
        self._producer.produce(topic.name, made.value, made.key)
        self._producer.poll(0)

    def _tick(self, at: int) -> None:
        value = self._codec.encode(Tick(at=at, writer="bench"))
        for number in range(PARTITIONS):
            self._producer.produce(EMAIL_EVENTS.name, value, None, number)

    def _read(self, reader: Consumer) -> None:
        for message in reader.consume(2_000, 0):
            value = message.value() or b""
            if b"bench-flood" in value:  # an exit: the entries were before
                self._gone += 1
            elif b"bench-probe" in value:
                found = self._codec.decode(value, SegmentTransition)
                self._came.setdefault(found.recipient_key, time.perf_counter())
