"""The reputation service takes what a sender may write: names of any length, and thousands of new ones at once."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from schemas.avro import Codec
from schemas.events import EmailEvent, EventType
from schemas.identity import digest
from schemas.topics import EMAIL_EVENTS, MAX_MESSAGE_BYTES, REPUTATION_PARTIALS
from streams.core.counting import key_parts
from streams.local import ports, processes
from streams.topics import apply_topics
from tests.brokers import StartKafka

CODEC = Codec()
ROOT = Path(__file__).parents[2]
NAMES = 15_000
LONG_NAME = "x" * 2_000_000  # twice what a producer sends unless it is told otherwise
TIMEOUT_S = 120.0
NOW = 1_790_000_040_000


def event(number: int, campaign: str) -> bytes:
    return CODEC.encode(
        EmailEvent(
            event_id=digest(number),
            tenant="acme",
            source="esp",
            provider="sendgrid",
            event_type=EventType.DELIVERED,
            occurred_at=NOW,
            received_at=NOW,
            campaign_id=campaign,
        )
    )


def counted(bootstrap: str) -> set[str]:
    """The campaigns that have a row in the changelog."""
    reader = Consumer({"bootstrap.servers": bootstrap, "group.id": "test", "log_level": 2})
    reader.assign([TopicPartition(REPUTATION_PARTIALS.name, 0, 0)])
    try:
        keys: set[bytes] = set()
        while messages := reader.consume(10_000, 2.0):
            keys |= {message.key() or b"" for message in messages if message.error() is None}
    finally:
        reader.close()
    parts = [key_parts(key) for key in keys if key.count(b"\x1f") >= 4]
    return {part[2] for part in parts if part[1] == "campaign"}


@pytest.mark.kafka
def test_long_names_and_thousands_of_new_ones_at_once_are_counted(start_kafka: StartKafka, tmp_path: Path) -> None:
    broker = start_kafka(tmp_path / "kafka")
    apply_topics(broker.bootstrap, 1, 1, timeout_s=30.0)
    names = [f"{number:0100d}" for number in range(NAMES)] + [LONG_NAME]
    producer = Producer({"bootstrap.servers": broker.bootstrap, "message.max.bytes": MAX_MESSAGE_BYTES, "log_level": 2})
    for number, name in enumerate(names):
        producer.produce(EMAIL_EVENTS.name, event(number, name), partition=0)
    assert producer.flush(30) == 0
    settings = {
        "MAILWEIR_KAFKA": broker.bootstrap,
        "MAILWEIR_PARTITIONS": "1",
        "MAILWEIR_METRICS_PORT": str(ports.free_port()),
        "MAILWEIR_SESSION_TIMEOUT_MS": "6000",
        "PYTHONPATH": str(ROOT),
    }
    log = tmp_path / "reputation.log"
    process = processes.spawn([sys.executable, "-m", "streams", "reputation"], log=log, env={**os.environ, **settings})
    try:
        deadline = time.monotonic() + TIMEOUT_S
        while (found := counted(broker.bootstrap)) != set(names):
            assert process.poll() is None, log.read_text()[-2000:]
            assert time.monotonic() < deadline, f"{len(found)} of {len(names)} campaigns; {log.read_text()[-2000:]}"
    finally:
        processes.kill(process)
