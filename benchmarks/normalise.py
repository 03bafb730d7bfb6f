"""The normalise stage: the real service process on a real broker, 30-event SendGrid posts waiting in the log.

The posts are written beforehand, every event with an id of its own; then the service starts and reads until
its group has committed all of them. `normalise_eps` is events by wall clock from the first to the last event
written (the records' own timestamps), so start-up does not count. The broker and whatever else the machine
does share its cores, so `normalise_cpu_us_per_event` says more about the service itself: user and system time
of its process in the same span, all threads. A run is "wrong" when email-events does not hold exactly the ids
that were posted, each once.

`python -m benchmarks.normalise [events]` runs this stage alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.brokers import started
from benchmarks.figure import Figure, Plan, median_of
from benchmarks.processes import used
from benchmarks.simulated import EVENTS, START_MS, Post, simulated
from schemas.avro import HEADER_SIZE, Codec
from schemas.envelope import Header, RawWebhook
from schemas.events import EmailEvent
from schemas.topics import EMAIL_EVENTS, WEBHOOKS
from streams.local import processes
from streams.topics import apply_topics

_PARTITIONS = 4
_DISTINCT_EVENTS = 30_000  # made by the simulator; repeated under other ids and recipients
_GROUP = "mailweir-normalise"
_DEADLINE_S = 240.0
_EVENT_ID = slice(HEADER_SIZE + 2, HEADER_SIZE + 2 + 32)  # the first field, behind its length


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One measured run; `wrong` is "" when the log holds what was posted."""

    events: int
    wall_s: float
    cpu_s: float
    rss_mb: float
    wrong: str

    @property
    def eps(self) -> float:
        return self.events / self.wall_s

    @property
    def cpu_us(self) -> float:
        return self.cpu_s / self.events * 1e6


def measure(plan: Plan) -> list[Figure]:
    """Events/s and CPU an event, for each broker."""
    figures = []
    for broker in plan.brokers:
        suffix = "" if broker == plan.brokers[0] else f"_{broker}"
        runs = [_run(broker, plan, number) for number in range(plan.runs)]
        note = next((f"wrong: {run.wrong}" for run in runs if run.wrong), f"{broker}, {runs[-1].rss_mb:.0f} MB")
        eps, cpu = [run.eps for run in runs], [run.cpu_us for run in runs]
        figures.append(median_of(f"normalise_eps{suffix}", eps, "events/s", goal=">= 80,000", note=note))
        figures.append(median_of(f"normalise_cpu_us_per_event{suffix}", cpu, "us"))
    return figures


def _run(broker_name: str, plan: Plan, number: int) -> Run:
    events = 150_000 if plan.quick else 450_000
    folder = plan.work / f"normalise-{broker_name}-{number}"
    with started(broker_name, folder) as broker:
        run = run_once(broker.bootstrap, folder, events, plan.seed + number)
    plan.say(
        f"normalise on {broker_name}: {run.eps:,.0f} events/s, {run.cpu_us:.1f} us CPU an event,"
        f" {run.rss_mb:.0f} MB; log {run.wrong or 'exact'}"
    )
    return run


def run_once(bootstrap: str, folder: Path, events: int, seed: int) -> Run:
    """Topics, posts, service, and the comparison with the log. Raises RuntimeError when the service ends or stalls."""
    apply_topics(bootstrap, _PARTITIONS, 1)
    expected, ends = _fill(bootstrap, events, seed)
    samples = _serve(bootstrap, folder, ends)
    ids, first_s, last_s = _written(bootstrap, expected)
    wrong = "" if len(ids) == len(set(ids)) == expected else f"{len(ids)} events, {len(set(ids))} ids of {expected}"
    cpu_s = _at(samples, last_s) - _at(samples, first_s)
    rss_mb = max(rss_mb for _, _, rss_mb in samples)
    return Run(events=len(ids), wall_s=last_s - first_s, cpu_s=cpu_s, rss_mb=rss_mb, wrong=wrong)


def _fill(bootstrap: str, events: int, seed: int) -> tuple[int, list[int]]:
    """Write the posts into the webhooks topic; how many events they hold, and each partition's end."""
    posts = simulated("sendgrid", min(events, _DISTINCT_EVENTS), seed)
    producer = Producer({"bootstrap.servers": bootstrap, "log_level": 2, "compression.type": "lz4", "linger.ms": 50})
    codec, written, turn, ends = Codec(), 0, 0, [0] * _PARTITIONS
    while written < events:
        for number, post in enumerate(posts):
            value = codec.encode(_webhook(post, turn, number))
            while not _offered(producer, value, number % _PARTITIONS):
                producer.poll(0.1)
            written += EVENTS
            ends[number % _PARTITIONS] += 1
        turn += 1
    if producer.flush(60):
        raise RuntimeError("the broker did not take the posts within a minute")
    return written, ends


def _webhook(post: Post, turn: int, number: int) -> RawWebhook:
    """The post as the gateway keeps it; in every turn with other ids and other recipients."""
    body = post.body.replace(b'"sg_event_id":"', b'"sg_event_id":"%02d' % turn)
    return RawWebhook(
        request_id=f"{turn:04d}{number:028d}",
        tenant=post.tenant,
        source=post.provider,
        provider=post.provider,
        received_at=START_MS + turn * 1000 + number,
        url=f"https://hooks.bench.example/webhooks/{post.provider}",
        headers=[Header(name=name.lower(), value=value) for name, value in post.headers.items()],
        body=body.replace(b'"email":"', b'"email":"t%02d.' % turn),
        client_ip="198.51.100.7",
        secret_index=0,
    )


def _offered(producer: Producer, value: bytes, partition: int) -> bool:
    try:
        producer.produce(WEBHOOKS.name, value, partition=partition)
    except BufferError:
        return False
    producer.poll(0)
    return True


def _serve(bootstrap: str, folder: Path, ends: list[int]) -> list[tuple[float, float, float]]:
    """Run the service until its group has committed everything; (time, CPU s, MiB) samples."""
    config = folder / "mailweir.yaml"
    source = {"name": "sendgrid", "provider": "sendgrid", "tenant": "atelier", "is_unsigned": True}
    tenants = [{"name": "atelier", "recipient_secret": "pepper"}]
    config.write_text(json.dumps({"tenants": tenants, "sources": [source]}), encoding="utf-8")
    environ = {name: text for name, text in os.environ.items() if not name.startswith("MAILWEIR_")}
    environ |= {"MAILWEIR_KAFKA": bootstrap, "MAILWEIR_CONFIG": str(config), "MAILWEIR_METRICS_PORT": "0"}
    log = folder / "normalise.log"
    process = processes.spawn([sys.executable, "-m", "streams", "normalise"], log=log, env=environ)
    try:
        return list(_samples(process, bootstrap, log, ends))
    finally:
        processes.stop(process, timeout_s=30)


def _samples(
    process: subprocess.Popen[bytes], bootstrap: str, log: Path, ends: list[int]
) -> Iterator[tuple[float, float, float]]:
    group = Consumer({"bootstrap.servers": bootstrap, "group.id": _GROUP, "enable.auto.commit": False, "log_level": 2})
    parts = [TopicPartition(WEBHOOKS.name, number) for number in range(_PARTITIONS)]
    try:
        deadline = time.monotonic() + _DEADLINE_S
        while [part.offset for part in group.committed(parts, timeout=20)] != ends:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"normalise ended or stalled; its log says:\n{processes.last_lines(log, 20)}")
            for _ in range(5):
                now = used(process.pid)
                yield time.time(), now.cpu_s, now.rss_mb
                time.sleep(0.05)
    finally:
        group.close()


def _at(samples: Sequence[tuple[float, float, float]], moment_s: float) -> float:
    """The CPU seconds used at a time, between the samples around it."""
    before = samples[0]
    for sample in samples:
        if sample[0] >= moment_s:
            share = (moment_s - before[0]) / (sample[0] - before[0]) if sample is not before else 0.0
            return before[1] + share * (sample[1] - before[1])
        before = sample
    return before[1]


def _written(bootstrap: str, expected: int) -> tuple[list[bytes], float, float]:
    """The ids of all email events in the log, and when the first and the last were written (seconds)."""
    head = Codec().header(EmailEvent)
    reader = Consumer({"bootstrap.servers": bootstrap, "group.id": "bench", "enable.auto.commit": False})
    reader.assign([TopicPartition(EMAIL_EVENTS.name, number, 0) for number in range(_PARTITIONS)])
    ids, first_ms, last_ms = list[bytes](), 1 << 62, 0
    try:
        while messages := reader.consume(10_000, 1.0 if len(ids) >= expected else 10.0):
            for message in messages:
                value = message.value()
                if value and value.startswith(head):  # not a tick
                    ids.append(value[_EVENT_ID])
                    at_ms = message.timestamp()[1]
                    first_ms, last_ms = min(first_ms, at_ms), max(last_ms, at_ms)
    finally:
        reader.close()
    return ids, first_ms / 1000, last_ms / 1000


def main(argv: Sequence[str]) -> None:
    """[events]: one run on Tansu, printed."""
    events = int(argv[0]) if argv else 150_000
    with tempfile.TemporaryDirectory(prefix="mailweir-bench-") as name:
        folder = Path(name)
        with started("tansu", folder) as broker:
            run = run_once(broker.bootstrap, folder, events, 7)
    print(f"{run.eps:,.0f} events/s, {run.cpu_us:.1f} us CPU an event, {run.rss_mb:.0f} MB; log {run.wrong or 'exact'}")


if __name__ == "__main__":
    main(sys.argv[1:])
