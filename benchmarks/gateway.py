"""The gateway under load: the real service process, 30-event signed SendGrid posts, acks=all, every answer checked.

`gateway_eps` is accepted requests times 30 by wall clock. The load generator, the broker and whatever else the
machine does share its cores, so `gateway_cpu_us_per_request` says more about the gateway itself: user and system
time of its process, all threads. A run is "wrong" when the log does not hold exactly what was answered 2xx, body by
body.

`python -m benchmarks.gateway [seconds] [connections] [processes]` runs this stage alone.
"""

from __future__ import annotations

import base64
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.brokers import started
from benchmarks.figure import Figure, Plan, median_of
from benchmarks.http_load import NUMBER, Generator, Outcome, Post
from schemas.topics import WEBHOOKS
from streams.local import ports, processes
from streams.local.broker import Broker, Tansu
from streams.topics import apply_topics

EVENTS = 30
SOURCE = "bench"
_DISTINCT = 256  # bodies: more than one batch of the producer holds, so it cannot compress one by another
_DOMAINS = ("gmail.com", "yahoo.com", "outlook.com", "example.net")
_READY_S = 30.0
_READ_S = 60.0
_PARTITIONS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How hard to press."""

    duration_s: float = 8.0
    warm_up_s: float = 2.0
    connections: int = 64
    processes: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One measured run; `wrong` is "" when the log holds what was accepted."""

    outcome: Outcome
    gateway_cpu_s: float
    broker_cpu_s: float
    wrong: str

    @property
    def requests_per_s(self) -> float:
        return len(self.outcome.accepted) / self.outcome.wall_s

    def us_per_request(self, cpu_s: float) -> float:
        return cpu_s / max(1, len(self.outcome.accepted)) * 1e6


def measure(plan: Plan) -> list[Figure]:
    """The figures of one process on each broker: events/s and CPU a request."""
    figures = []
    for index, name in enumerate(plan.brokers):
        figures += _measure_on(name, plan, suffix=f"_{name}" if index else "")
    return figures


def _measure_on(name: str, plan: Plan, *, suffix: str) -> list[Figure]:
    shape = Shape(duration_s=4.0 if plan.quick else 8.0)
    runs = []
    for number in range(1 if plan.quick else plan.runs):
        folder = plan.work / f"gateway-{name}-{number}"
        with started(name, folder) as broker:
            run = run_once(broker, folder, shape, seed=plan.seed + number)
        plan.say(describe(run))
        runs.append(run)
    note = next((f"wrong: {run.wrong}" for run in runs if run.wrong), describe(runs[-1]))
    events = [run.requests_per_s * EVENTS for run in runs]
    cpu = [run.us_per_request(run.gateway_cpu_s) for run in runs]
    return [
        median_of(f"gateway_eps{suffix}", events, "events/s", goal=">= 100,000", note=note),
        median_of(f"gateway_cpu_us_per_request{suffix}", cpu, "us"),
    ]


def describe(run: Run) -> str:
    """One line for people."""
    outcome = run.outcome
    broker = f" broker {run.us_per_request(run.broker_cpu_s):.0f}," if run.broker_cpu_s else ""
    return (
        f"gateway: {run.requests_per_s:,.0f} requests/s = {run.requests_per_s * EVENTS:,.0f} events/s;"
        f" CPU us a request: gateway {run.us_per_request(run.gateway_cpu_s):.0f},"
        f"{broker} generator {run.us_per_request(outcome.cpu_s):.0f};"
        f" p50 {outcome.percentile_ms(0.5):.0f} ms, p99 {outcome.percentile_ms(0.99):.0f} ms;"
        f" refused {outcome.refused or 'none'}; log {run.wrong or 'exact'}"
    )


def run_once(broker: Broker, folder: Path, shape: Shape, *, seed: int) -> Run:
    """Topics, gateway, warm-up, load, and the comparison with the log."""
    broker_pids = [broker.pid] if isinstance(broker, Tansu) and broker.pid else []
    apply_topics(broker.bootstrap, _PARTITIONS, 1)
    key = ec.generate_private_key(ec.SECP256R1())
    posts = signed_posts(key, random.Random(seed), int(time.time()))
    with gateway(broker.bootstrap, folder, public_key(key), shape.processes) as (address, pids):
        load = Generator(address, f"/webhooks/{SOURCE}", posts, shape.connections)
        try:
            warm = load.run(shape.warm_up_s)
            before, broker_before = cpu_s(pids()), cpu_s(broker_pids)
            outcome = load.run(shape.duration_s)
            used, broker_used = cpu_s(pids()) - before, cpu_s(broker_pids) - broker_before
        finally:
            load.close()
    wrong = difference(broker.bootstrap, posts, warm, outcome)
    return Run(outcome=outcome, gateway_cpu_s=used, broker_cpu_s=broker_used, wrong=wrong)


def difference(bootstrap: str, posts: Sequence[Post], *outcomes: Outcome) -> str:
    """What the log holds against what was answered 2xx, "" when they are the same."""
    accepted = {number for outcome in outcomes for number in outcome.accepted}
    refused = sum(sum(outcome.refused.values()) for outcome in outcomes)
    found: set[int] = set()
    records = 0
    for value in stored(bootstrap):
        match = NUMBER.search(value, 0, 1000)
        number = int(match[1]) if match else -1
        if posts[number % len(posts)].body not in value:
            return f"request {number} was stored with another body"
        found.add(number)
        records += 1
        if records >= len(accepted) and found >= accepted:
            break
    missing = len(accepted - found)
    extra = len(found - accepted)  # may be there without a 2xx, but only if it was refused
    if missing or extra > refused or records != len(found):
        return f"{missing} accepted requests are not in the log, {extra} others are, {records - len(found)} twice"
    return ""


def stored(bootstrap: str) -> Iterator[bytes]:
    """The values of the webhooks topic from the beginning, until nothing has come for some seconds."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "bench", "enable.auto.commit": False})
    consumer.assign([TopicPartition(WEBHOOKS.name, number, 0) for number in range(_PARTITIONS)])
    deadline = time.monotonic() + _READ_S
    try:
        while time.monotonic() < deadline and (messages := consumer.consume(5000, 3.0)):
            yield from (message.value() or b"" for message in messages if message.error() is None)
    finally:
        consumer.close()


@contextmanager
def gateway(bootstrap: str, folder: Path, secret: str, count: int) -> Iterator[tuple[tuple[str, int], Pids]]:
    """The real service, ready; gives its address and what tells its process ids."""
    config = folder / "mailweir.yaml"
    source = {"name": SOURCE, "provider": "sendgrid", "secrets": [secret]}
    config.write_text(json.dumps({"sources": [source], "limits": {"max_in_flight": 1024}}), encoding="utf-8")
    port = ports.free_port()
    environ = {name: text for name, text in os.environ.items() if not name.startswith("MAILWEIR_")}
    environ |= {"MAILWEIR_KAFKA": bootstrap, "MAILWEIR_CONFIG": str(config), "MAILWEIR_GATEWAY_PORT": str(port)}
    if count > 1:
        environ["MAILWEIR_GATEWAY_PROCESSES"] = str(count)
    log = folder / "gateway.log"
    process = processes.spawn([sys.executable, "-m", "streams", "gateway"], log=log, env=environ)
    try:
        _wait_until_ready(f"http://{ports.LOOPBACK}:{port}/readyz", process, log)
        yield (ports.LOOPBACK, port), Pids(process.pid)
    finally:
        processes.stop(process, timeout_s=30)


class Pids:
    """A process and its children."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def __call__(self) -> list[int]:
        path = Path(f"/proc/{self._pid}/task/{self._pid}/children")
        return [self._pid, *(int(pid) for pid in path.read_text().split())] if path.exists() else [self._pid]


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _READY_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError(f"the gateway did not get ready; its log says:\n{processes.last_lines(log, 20)}")


def cpu_s(pids: Sequence[int]) -> float:
    """User and system time of processes in seconds, all threads (proc(5)); 0 where there is no /proc."""
    total = 0
    for pid in pids:
        path = Path(f"/proc/{pid}/stat")
        if path.exists():
            fields = path.read_text(encoding="ascii").rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def public_key(key: ec.EllipticCurvePrivateKey) -> str:
    """What SendGrid shows as verification key."""
    der = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def signed_posts(key: ec.EllipticCurvePrivateKey, rng: random.Random, now_s: int) -> list[Post]:
    """Distinct posts of 30 events with the headers that SendGrid sends."""
    return [
        _post(key, json.dumps([_event(rng, now_s) for _ in range(EVENTS)]).encode(), now_s) for _ in range(_DISTINCT)
    ]


def _post(key: ec.EllipticCurvePrivateKey, body: bytes, now_s: int) -> Post:
    stamp = str(now_s)
    signature = base64.b64encode(key.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
    lines = (
        "Host: hooks.example.com",
        "User-Agent: SendGrid Event API",
        f"Content-Length: {len(body)}",
        "Content-Type: application/json;charset=utf-8",
        f"X-Twilio-Email-Event-Webhook-Signature: {signature}",
        f"X-Twilio-Email-Event-Webhook-Timestamp: {stamp}",
        "Accept-Encoding: gzip",
    )
    return Post("".join(f"{line}\r\n" for line in (*lines, "")).encode(), body)


def _event(rng: random.Random, now_s: int) -> dict[str, object]:
    token = f"{rng.getrandbits(132):033x}"
    return {
        "email": f"reader-{rng.randrange(10**7)}@{rng.choice(('gmail.com', 'yahoo.com', 'example.net'))}",
        "timestamp": now_s - rng.randrange(60),
        "smtp-id": f"<{token[:22]}@geopod-ismtpd-7>",
        "event": rng.choice(("processed", "delivered", "delivered", "open", "click")),
        "category": ["newsletter", f"week-{rng.randrange(50)}"],
        "sg_event_id": base64.urlsafe_b64encode(rng.randbytes(24)).decode(),
        "sg_message_id": f"{token[:22]}.recvd-6b9f7d5c84-{token[:5]}-1-{token[5:13].upper()}-{token[13:15]}.0",
        "response": f"250 2.0.0 OK {now_s} {token[20:]} - gsmtp",
        "ip": f"192.0.2.{rng.randrange(256)}",
        "campaign_id": f"campaign-{rng.randrange(40)}",
    }


def main(argv: Sequence[str]) -> None:
    """This stage alone, with the numbers on the command line."""
    given = [float(text) for text in argv]
    shape = Shape(
        duration_s=given[0] if given else 8.0,
        connections=int(given[1]) if len(given) > 1 else 64,
        processes=int(given[2]) if len(given) > 2 else 1,
    )
    with tempfile.TemporaryDirectory(prefix="mailweir-bench-") as folder, Tansu(Path(folder)) as broker:
        print(describe(run_once(broker, Path(folder), shape, seed=1)))


if __name__ == "__main__":
    main(sys.argv[1:])
