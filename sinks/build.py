"""The sink as the settings describe it: the one place here that names Kafka and ClickHouse together."""

from __future__ import annotations

import os
import socket
import time
from functools import partial

from confluent_kafka import Producer
from prometheus_client import CollectorRegistry

from schemas.avro import Codec
from schemas.settings import Settings
from schemas.topics import MAX_MESSAGE_BYTES
from sinks.clickhouse import connect
from sinks.dead_letters import KafkaDeadLetters
from sinks.log import KafkaLog
from sinks.runner import Sink
from sinks.settings import SinkSettings
from sinks.tables import TABLES

MIN_FLUSH_S = 0.5  # a round costs an insert per table and partition, however few rows there are


def build_sink(settings: Settings, codec: Codec, registry: CollectorRegistry | None = None) -> Sink:
    """A sink of every table. Connects to nothing before `run`."""
    flush_s = max(settings.flush_s / 2, MIN_FLUSH_S)  # a row waits for one round, a score for two flushes
    own = SinkSettings(flush_s=flush_s, writer=f"{socket.gethostname()}:{os.getpid()}")
    return Sink(
        log=KafkaLog(settings.kafka, own.group, settings.session_timeout_ms),
        client_factory=partial(
            connect,
            settings.clickhouse,
            settings.clickhouse_user,
            settings.clickhouse_password.get_secret_value(),
        ),
        codec=codec,
        dead_letters=KafkaDeadLetters(_producer(settings.kafka), codec),
        specs=TABLES,
        settings=own,
        clock=time.monotonic,
        registry=registry or CollectorRegistry(),
    )


def _producer(bootstrap: str) -> Producer:
    return Producer({
        "bootstrap.servers": bootstrap,
        "log_level": 2,
        "client.id": "mailweir-sink",
        "acks": "all",
        "enable.idempotence": True,
        "compression.type": "lz4",
        "message.max.bytes": MAX_MESSAGE_BYTES,
        "delivery.timeout.ms": 8_000,  # below the wait for the acknowledgements
    })  # fmt: skip
