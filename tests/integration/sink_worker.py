"""A sink in a process of its own, for tests that kill it: `python sink_worker.py PLAN` with a JSON plan.

Plan: bootstrap, clickhouse, group, topics (table -> topic), suffix (of the tables filled), dead_letters
(topic), settings, and `kill_at`: [step, n], the n-th time that step is reached the process ends by SIGKILL.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from confluent_kafka import Producer
from prometheus_client import CollectorRegistry

from schemas.avro import Codec
from sinks.clickhouse import connect
from sinks.dead_letters import KafkaDeadLetters
from sinks.log import KafkaLog
from sinks.runner import Sink
from sinks.settings import SinkSettings
from sinks.tables import TABLES, TableSpec


def specs_for(topics: dict[str, str], suffix: str) -> list[TableSpec]:
    """The registry's tables, fed from topics of the test's own, into tables named with `suffix`."""
    return [
        dataclasses.replace(
            spec,
            table=spec.table + suffix,
            topic=dataclasses.replace(spec.topic, name=topics[spec.table]),
        )
        for spec in TABLES
        if spec.table in topics
    ]


def killer(step: str, times: int) -> Any:
    """A failpoint that ends the process the `times`-th time `step` is reached."""
    left = [times]

    def at(reached: str) -> None:
        if reached == step:
            left[0] -= 1
            if left[0] <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return at


def build(plan: dict[str, Any]) -> Sink:
    """The sink of a plan."""
    settings = SinkSettings(group=plan["group"], **plan["settings"])
    codec = Codec()
    producer = Producer({"bootstrap.servers": plan["bootstrap"], "acks": "all"})
    return Sink(
        log=KafkaLog(plan["bootstrap"], settings.group, session_timeout_ms=6_000),
        client_factory=lambda: connect(plan["clickhouse"]),
        codec=codec,
        dead_letters=KafkaDeadLetters(producer, codec, plan["dead_letters"]),
        specs=specs_for(plan["topics"], plan["suffix"]),
        settings=settings,
        clock=time.monotonic,
        registry=CollectorRegistry(),
        at=killer(*plan["kill_at"]),
    )


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(relativeCreated)d %(name)s %(message)s")
    sink = build(json.loads(sys.argv[1]))
    signal.signal(signal.SIGTERM, lambda *_: sink.stop())
    sink.run()


if __name__ == "__main__":
    main()
