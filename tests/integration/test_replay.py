"""A source with the wrong provider, put right: its dead letters are processed again, on both brokers."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from confluent_kafka import Consumer, TopicPartition

from connectors.registry import connector
from dashboards.letters import find, rows_of
from schemas.avro import Codec
from schemas.config import Config
from schemas.envelope import RawWebhook
from schemas.errors import Misconfigured
from schemas.replays import wish
from schemas.rulings import RefusedError
from schemas.settings import Settings
from schemas.topics import WEBHOOKS
from sinks.build import build_sink
from sinks.clickhouse import connect
from sinks.migrate import apply_tables
from streams.agents.normalise import Normaliser
from streams.commands.replay import Asked, Place, run
from streams.kafka import LogProducer, Record
from streams.lane.part import Batch, Part
from streams.local.broker import Tansu
from streams.telemetry import Telemetry
from streams.topics import apply_topics
from streams.wiring.replaying import ReplayDesk
from tests.brokers import StartKafka
from tests.integration.store_process import ROOT, StoreProcess

REQUESTS, EVENTS = 24, 2  # of each request
CODEC = Codec()
PARTITIONS = 3
FOREVER = {"from_ms": "0", "to_ms": "253402300799000", "limit": "1000"}
TALE = Asked(is_letters=True, who="dana", why="the provider was wrong", per_second=10_000)


def config(provider: str) -> Config:
    sources = [{"name": "hooks", "provider": provider, "tenant": "acme", "is_unsigned": True}]
    return Config.model_validate({"sources": sources, "tenants": [{"name": "acme", "recipient_secret": "pepper"}]})


def raw(number: int, at_ms: int) -> RawWebhook:
    """A request of SendGrid's, taken in while the source was thought to be Mailgun's."""
    items = [
        {
            "email": f"p{number}@example.test",
            "event": "delivered",
            "timestamp": at_ms // 1000,
            "sg_event_id": f"e{number}-{i}",
        }
        for i in range(EVENTS)
    ]
    return RawWebhook(
        request_id=f"{number:032x}",
        tenant="acme",
        source="hooks",
        provider="mailgun",
        received_at=at_ms,
        url="https://hooks.example.test/webhooks/hooks",
        body=json.dumps(items).encode(),
    )


@dataclass
class River:
    """The parts of a pipeline that a replay meets: log, normaliser, sink, store."""

    bootstrap: str
    store_url: str
    client: Client
    log: LogProducer
    read: dict[int, int] = field(default_factory=dict)

    def receive(self, *requests: RawWebhook) -> None:
        self.log.produce_all([Record(WEBHOOKS.name, CODEC.encode(each)) for each in requests])

    def normalise(self, by: Config) -> None:
        """What the service does with everything new in the topic."""
        normaliser = Normaliser(by, CODEC, connector, Telemetry())
        for batch in self._new():
            self.log.produce_all([Record(*each) for each in normaliser.records(batch)])

    def place(self, by: Config) -> Place:
        return Place(
            kafka=self.bootstrap,
            codec=CODEC,
            config=by,
            store=lambda: connect(self.store_url),
            clock_ms=lambda: int(time.time() * 1000),
        )

    def replay(self, by: Config, asked: Asked) -> tuple[int, str]:
        out = io.StringIO()
        code = run(asked, self.place(by), out)
        return code, out.getvalue()

    def letters(self) -> list[dict[str, Any]]:
        return rows_of(self.client, "dead_letters", FOREVER)

    def counted(self) -> tuple[int, int]:
        """Event ids, and rows that an analyst counts."""
        first = self.client.query("SELECT uniqExact(event_id), count() FROM mailweir.events").result_rows[0]
        return int(first[0]), int(first[1])

    def records(self) -> int:
        """Of the topic of raw requests, as a reader of committed ones sees it."""
        return sum(len(batch.values) for batch in self._batches({}))

    def _new(self) -> Iterator[Batch[None]]:
        for batch in self._batches(self.read):
            if batch.values:
                self.read[batch.part.number] = batch.offsets[-1] + 1
                yield batch

    def _batches(self, begin: dict[int, int]) -> Iterator[Batch[None]]:
        settings = {"bootstrap.servers": self.bootstrap, "group.id": "reader", "enable.partition.eof": True}
        consumer = Consumer(settings | {"auto.offset.reset": "earliest"})
        try:
            for number in range(PARTITIONS):
                consumer.assign([TopicPartition(WEBHOOKS.name, number, begin.get(number, 0))])
                values, offsets = [], []
                while (message := consumer.poll(20)) is not None and message.error() is None:
                    values.append(message.value())
                    offsets.append(message.offset() or 0)
                part: Part[Any] = Part(number, None, fetched=0, next=0)
                yield Batch(part, 0, 0, len(values), values, offsets)
        finally:
            consumer.close()


@pytest.fixture(params=["tansu", pytest.param("kafka", marks=pytest.mark.kafka)])
def river(request: pytest.FixtureRequest, tmp_path: Path, start_kafka: StartKafka) -> Iterator[River]:
    broker: Any = Tansu(tmp_path) if request.param == "tansu" else None
    bootstrap = broker.__enter__().bootstrap if broker else start_kafka(tmp_path / "kafka").bootstrap
    apply_topics(bootstrap, PARTITIONS, 1)
    process = StoreProcess(tmp_path / "store")
    client = process.start()
    apply_tables(client)
    client.command("SYSTEM STOP MERGES")  # a merge would drop the second copy before a query has to
    settings = Settings(kafka=bootstrap, clickhouse=process.url, flush_s=0.2, session_timeout_ms=6_000)
    sink = build_sink(settings, CODEC)
    thread = threading.Thread(target=sink.run, daemon=True)
    thread.start()
    log = LogProducer(bootstrap, ack_timeout_s=20)
    try:
        yield River(bootstrap, process.url, client, log)
    finally:
        log.close()
        sink.stop()
        thread.join(30)
        client.close()
        process.kill()
        if broker:
            broker.__exit__(None, None, None)


def until(condition: Callable[[], bool], timeout_s: float = 90.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "that did not come about"
        time.sleep(0.1)


def killed_in_the_middle(river: River, folder: Path, mended: Config) -> None:
    """The command in a process of its own, some records a second, ended by SIGKILL once some are appended."""
    file = folder / "mailweir.yaml"
    sources = [
        {"name": s.name, "provider": s.provider, "tenant": s.tenant, "is_unsigned": True} for s in mended.sources
    ]
    file.write_text(json.dumps({"sources": sources, "tenants": [{"name": "acme", "recipient_secret": "pepper"}]}))
    places = {"MAILWEIR_KAFKA": river.bootstrap, "MAILWEIR_CLICKHOUSE": river.store_url, "MAILWEIR_CONFIG": str(file)}
    options = ["--only-dead-letters", "--code", "wrong_shape", "--why", "the provider was wrong", "--per-second", "4"]
    command = [sys.executable, "-m", "streams", "replay", *options]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **places})
    try:
        until(lambda: river.records() > REQUESTS)
    finally:
        process.kill()
        process.wait(30)
    assert REQUESTS < river.records() < 2 * REQUESTS


def test_what_a_wrong_provider_buried_is_stored_once_though_the_replay_is_killed_and_repeated(
    river: River, tmp_path: Path
) -> None:
    wrong, mended = config("mailgun"), config("sendgrid")
    now = int(time.time() * 1000)
    river.receive(*(raw(number, now - 60_000 + number) for number in range(REQUESTS)))
    river.normalise(wrong)
    until(lambda: len(river.letters()) == REQUESTS)
    assert {letter["state"] for letter in river.letters()} == {"open"}
    assert river.counted() == (0, 0)

    code, said = river.replay(mended, replace(TALE, is_dry=True))
    assert (code, river.records()) == (0, REQUESTS)
    assert f"{REQUESTS}  normalise wrong_shape hooks" in said

    killed_in_the_middle(river, tmp_path, mended)
    code, said = river.replay(mended, TALE)
    assert code == 0
    assert "appended again; replay " in said
    until(lambda: {letter["state"] for letter in river.letters()} == {"replayed"})
    assert river.replay(mended, TALE) == (0, "No dead letters match.\n")
    assert river.replay(mended, replace(TALE, again=True))[0] == 0  # all of them once more
    river.normalise(mended)
    wanted = REQUESTS * EVENTS
    until(lambda: river.counted() == (wanted, wanted))
    times = river.client.query("SELECT min(received_at), max(received_at) FROM mailweir.events").result_rows[0]
    assert [round(at.timestamp() * 1000) for at in times] == [now - 60_000, now - 60_000 + REQUESTS - 1]
    assert {(letter["replayed_by"], letter["state"]) for letter in river.letters()} == {("dana", "replayed")}

    before = river.records()
    asked = replace(TALE, is_letters=False, topic="webhooks", since="1h")
    code, said = river.replay(mended, asked)
    assert (code, river.records()) == (0, before + REQUESTS)  # not the ones that replays had appended
    river.normalise(mended)
    until(lambda: river.client.query("SELECT count() FROM mailweir.email_events").result_rows[0][0] > wanted)
    assert river.counted() == (wanted, wanted)


def test_what_fails_again_says_so_and_what_the_log_no_longer_has_is_refused(river: River) -> None:
    wrong = config("mailgun")
    river.receive(raw(1, int(time.time() * 1000)))
    river.normalise(wrong)
    until(lambda: len(river.letters()) == 1)
    desk = ReplayDesk(Settings(kafka=river.bootstrap), wrong)  # as the console does it
    desk.begin(find(river.client, {"state": "open"}, 10), wish("r", "dana", "to see"))
    with pytest.raises(RefusedError, match="dana is under way"):
        desk.begin([], wish("r2", "eve", "too"))
    until(lambda: not (desk.state() or {})["is_under_way"])
    state = desk.state() or {}
    assert (state["letters"], state["done"], state["error"]) == (1, 1, "")
    desk.close()
    river.normalise(wrong)
    until(lambda: sorted(letter["state"] for letter in river.letters()) == ["failed_again", "open"])
    letter = river.letters()[0]
    columns = [
        "dead_letter_id",
        "tenant",
        "source",
        "stage",
        "code",
        "received_at",
        "origin_topic",
        "origin_offset",
        "item_index",
    ]
    river.client.insert(
        "mailweir.dead_letters",
        [["gone", "acme", "hooks", "normalise", "item_unreadable", 0, WEBHOOKS.name, 100_000, 3]],
        column_names=columns,
    )
    code, said = river.replay(wrong, replace(TALE, filters={"id": "gone"}))
    assert letter["stage"] == "normalise"
    assert code == 1
    assert "1  cannot be replayed: the request that the item came in is no longer in mailweir.webhooks.v1" in said
    with pytest.raises(Misconfigured, match="only webhooks"):
        river.replay(wrong, replace(TALE, is_letters=False, topic="email-events", since="1h"))
