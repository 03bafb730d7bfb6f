"""One posted activity on its whole way: webhook, topic, ClickHouse table. The broker is Tansu, the store is chDB."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from connectors.registry import connector
from schemas.avro import Codec
from schemas.config import Config
from schemas.identity import recipient_key
from schemas.settings import Settings
from schemas.topics import WEBHOOKS
from sinks.build import build_sink
from sinks.clickhouse import connect
from sinks.migrate import apply_tables
from streams.agents.normalise import Normaliser
from streams.kafka import LogProducer
from streams.lane.part import Batch, Part
from streams.local.broker import Tansu
from streams.telemetry import Telemetry
from streams.topics import apply_topics
from tests.contract.signing import SIGNERS
from tests.integration.store_process import StoreProcess
from tests.unit.streams.gateway.gate import serving, until

FIXTURES = Path(__file__).parents[1] / "fixtures" / "webhooks"
NOW_MS = 1_795_000_000_000
SHOPS = ("segment", "shopify", "stripe")
CASES = {"segment": "track_order_completed", "shopify": "order_create", "stripe": "checkout_completed"}
CODEC = Codec()
COUNT = "SELECT uniqExact(event_id) FROM activity_events"
FOUND = """
SELECT provider, name, recipient_key, JSONExtractFloat(properties, 'total'), JSONExtractString(properties, 'currency'),
       raw_topic
FROM activities ORDER BY provider
"""


def config() -> Config:
    sources = [
        {"name": signer.provider, "provider": signer.provider, "tenant": "acme", "secrets": [signer.secret(0)]}  # type: ignore[attr-defined]
        for signer in SIGNERS
        if signer.provider in SHOPS
    ]
    tenants = [{"name": "acme", "recipient_secret": "pepper"}]
    return Config.model_validate({"sources": sources, "tenants": tenants, "public_url": "https://hooks.example.com"})


def signed(provider: str) -> tuple[bytes, dict[str, str]]:
    """The fixture's request, as the provider would sign it now."""
    folder = FIXTURES / provider / CASES[provider]
    signer = next(signer for signer in SIGNERS if signer.provider == provider)
    request = signer.sign((folder / "body.json").read_bytes(), NOW_MS, 0)
    return request.body, {**json.loads((folder / "headers.json").read_text()), **request.headers}


def webhooks(bootstrap: str) -> Iterator[Batch[None]]:
    """What lies in the topic of raw webhooks, a batch for each partition."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "reader", "enable.partition.eof": True})
    partitions = consumer.list_topics(WEBHOOKS.name, timeout=10).topics[WEBHOOKS.name].partitions
    try:
        for number in partitions:
            consumer.assign([TopicPartition(WEBHOOKS.name, number, 0)])
            values = []
            while (message := consumer.poll(10)) is not None and message.error() is None:
                values.append(message.value())
            part: Part[Any] = Part(number, None, fetched=0, next=0)
            yield Batch(part, 0, 0, len(values), values, list(range(len(values))))
    finally:
        consumer.close()


@contextmanager
def sinking(bootstrap: str, store: StoreProcess) -> Iterator[None]:
    sink = build_sink(Settings(kafka=bootstrap, clickhouse=store.url, flush_s=0.2, session_timeout_ms=6_000), CODEC)
    thread = threading.Thread(target=sink.run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        sink.stop()
        thread.join(30)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StoreProcess]:
    process = StoreProcess(tmp_path / "store")
    client = process.start()
    apply_tables(client)
    client.close()
    yield process
    process.kill()


async def test_a_posted_activity_reaches_its_table_once_though_it_is_posted_twice(
    tmp_path: Path, store: StoreProcess
) -> None:
    with Tansu(tmp_path) as tansu:
        apply_topics(tansu.bootstrap, 2, 1)
        log = LogProducer(tansu.bootstrap, ack_timeout_s=10)
        try:
            await log.warm_up(10, [WEBHOOKS.name])
            async with serving(config(), log=log, connectors=connector) as gate:
                for provider in (*SHOPS, *SHOPS):
                    answer = await gate.post(provider, *signed(provider))
                    assert answer.status_code == 200, answer.text
            normaliser = Normaliser(config(), CODEC, connector, Telemetry())
            records = [x for batch in webhooks(tansu.bootstrap) for x in normaliser.records(batch)]
            assert len(records) == 6
            await log.send_all(records)
            with sinking(tansu.bootstrap, store):
                client = connect(store.url)
                await until(lambda: client.query(COUNT).result_rows == [(3,)], 60)
                rows = client.query(FOUND).result_rows
                client.close()
        finally:
            await asyncio.to_thread(log.close)
    ada = recipient_key("pepper", "acme", "ada@example.com")
    assert rows == [
        ("segment", "Order Completed", ada, 27.5, "USD", WEBHOOKS.name),
        ("shopify", "Order Completed", ada, 404.95, "EUR", WEBHOOKS.name),
        ("stripe", "Order Completed", ada, 26.98, "USD", WEBHOOKS.name),
    ]
