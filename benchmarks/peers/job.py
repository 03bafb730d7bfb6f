"""What all engines share: the event's three fields, the meter, the form of the answer.

Needs nothing but fastavro, so that it runs in every environment.
"""

from __future__ import annotations

import hashlib
import io
import json
import resource
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

Counts = Mapping[tuple[str, str, int], int]
HEADER_SIZE = 5  # Confluent's wire format: a zero byte and the schema id
MINUTE_MS = 60_000
SESSION_MS = 6_000  # the local broker lets a first join last half of it; nothing of it is measured
FIELDS = ("occurred_at", "mailbox_provider", "sending_ip")
_SCHEMA = Path(__file__).resolve().parents[2] / "schemas" / "avro" / "email_event.v1.avsc"


class Arguments:
    """BROKER TOPIC EVENTS GROUP."""

    def __init__(self, argv: list[str]) -> None:
        self.broker, self.topic, events, self.group = argv
        self.events = int(events)


class Meter:
    """Wall and CPU seconds (all threads of this process) from the first event seen to the last one processed."""

    def __init__(self, events: int) -> None:
        self.events = events
        self.seen = 0
        self._wall_s = self._cpu_s = 0.0

    def start(self) -> None:
        """The first event has come; later calls do nothing."""
        if not self._wall_s:
            self._cpu_s, self._wall_s = _cpu_s(), time.perf_counter()

    def add(self, count: int = 1) -> bool:
        """So many more are processed; True when these were the last."""
        self.seen += count
        return self.seen >= self.events

    def stop(self) -> dict[str, float]:
        """What it took."""
        return {
            "events": self.seen,
            "wall_s": time.perf_counter() - self._wall_s,
            "cpu_s": _cpu_s() - self._cpu_s,
            "peak_mb": _peak_mb(),
        }


def consumer_settings(given: Arguments) -> dict[str, Any]:
    """What every plain confluent-kafka loop reads with."""
    return {
        "bootstrap.servers": given.broker,
        "group.id": given.group,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "session.timeout.ms": SESSION_MS,
        "queued.min.messages": 100_000,
        "fetch.queue.backoff.ms": 10,  # the default second leaves a consumer idle that is catching up
    }


def tell(measured: Mapping[str, float], counts: Counts | None = None) -> None:
    """Print the answer: what was measured, and the fingerprint of the totals."""
    answer = {**measured, "digest": digest_of(counts) if counts is not None else ""}
    print(f"RESULT {json.dumps(answer)}", flush=True)


def digest_of(counts: Counts) -> str:
    """A fingerprint that equal totals share, whatever their order."""
    lines = sorted(f"{ip}|{provider}|{minute}|{count}" for (ip, provider, minute), count in counts.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def decoder() -> Callable[[bytes], dict[str, Any]]:
    """A function from a topic value to the three fields: the reader's schema has only those, the rest is skipped.

    Logical types are left out of the schema, since making datetime objects would cost as much again.
    """
    import fastavro  # noqa: PLC0415 - an engine that decodes in another way does without

    whole = json.loads(_SCHEMA.read_text(encoding="utf-8"))
    for field in whole["fields"]:
        if isinstance(field["type"], dict) and "logicalType" in field["type"]:
            field["type"] = field["type"]["type"]
    written = fastavro.parse_schema(whole)
    wanted = fastavro.parse_schema({**whole, "fields": [f for f in whole["fields"] if f["name"] in FIELDS]})
    read = fastavro.schemaless_reader

    def decode(value: bytes) -> dict[str, Any]:
        body = io.BytesIO(value)
        body.seek(HEADER_SIZE)
        return cast("dict[str, Any]", read(body, written, wanted))

    return decode


def arguments() -> Arguments:
    """Those of this process."""
    return Arguments(sys.argv[1:])


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _peak_mb() -> float:
    """Peak resident memory in MiB. getrusage would answer the parent's, which survives exec."""
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))
