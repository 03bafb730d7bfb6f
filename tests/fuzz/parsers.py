"""Damaged bodies through every parser: nothing is raised, everything encodes, nothing is slow, memory stays."""

from __future__ import annotations

import gc
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from connectors.base import Request
from connectors.registry import connector
from schemas.avro import Codec
from tests.contract.cases import CONTEXT, NOW
from tests.fuzz.bodies import Damaged, damaged

SLOW_S = 1.0  # CPU of one body of at most 200 kB; an honest one takes a millisecond
_EVERY = 20_000
_PAGE_MB = 4096 / 2**20


@dataclass(slots=True)
class Found:
    """What came of a run. `faults`: bodies with what was wrong, by provider and fixture."""

    bodies: int = 0
    events: int = 0
    failures: int = 0
    slowest_s: float = 0.0
    slowest: str = ""
    grown_mb: float = 0.0
    by_provider: Counter[str] = field(default_factory=Counter)
    faults: list[tuple[str, bytes]] = field(default_factory=list)


def run(count: int, seed: int) -> Found:
    """Parse `count` damaged bodies."""
    codec, found, begun_mb = Codec(), Found(), 0.0
    for number, item in enumerate(islice(damaged(seed), count)):
        if number % _EVERY == min(_EVERY, count) // 2:
            gc.collect()
            begun_mb = begun_mb or _resident_mb()
            found.grown_mb = max(found.grown_mb, _resident_mb() - begun_mb)
        _one(item, codec, found)
    return found


def _one(item: Damaged, codec: Codec, found: Found) -> None:
    case = item.case
    request = Request(headers=case.headers, body=item.body, url="https://h.example.com/webhooks/x", received_at=NOW)
    began = time.thread_time()
    try:
        result = connector(case.provider).parse(request, CONTEXT)
        for event in result.events:
            codec.encode(event)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
        found.faults.append((f"{case.provider}/{case.name}: {type(error).__name__}: {error}", item.body))
        return
    took_s = time.thread_time() - began
    if took_s > found.slowest_s:
        found.slowest_s, found.slowest = took_s, f"{case.provider}/{case.name}"
    if took_s > SLOW_S:
        found.faults.append((f"{case.provider}/{case.name}: {took_s:.2f} s", item.body))
    if not result.events and not result.failures and item.body == case.body and case.expected["events"]:
        found.faults.append((f"{case.provider}/{case.name}: the fixture itself gives nothing", item.body))
    found.bodies += 1
    found.by_provider[case.provider] += 1
    found.events += len(result.events)
    found.failures += len(result.failures)


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE_MB
