"""Segments that begin are built from what is stored, while the service goes on: their members are those by SQL."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from confluent_kafka import Producer

from benchmarks.recipients import TENANT, write_rules
from schemas.aggregates import Tick
from schemas.avro import Codec
from schemas.events import ActivityEvent, EmailEvent
from schemas.identity import partition_key
from schemas.segments.rules import Segment
from schemas.topics import ACTIVITY_EVENTS, EMAIL_EVENTS, Topic
from sinks.migrate import apply_tables
from streams.core.segments.sql.query import compile_sql
from streams.local import processes
from streams.topics import apply_topics
from tests.brokers import StartKafka
from tests.integration.backtest_cases import store_records
from tests.integration.store_process import StoreProcess
from tests.integration.test_segments_agree import DAY, DAYS, START, events

PARTITIONS = 2
CODEC = Codec()
ROOT = Path(__file__).resolve().parents[2]
LOG = events()
BEGIN, CHANGE, END = START + 12 * DAY, START + 33 * DAY, START + (DAYS + 3) * DAY
ONE = "id: old-friends\nknown_for: 25d\n"
OLD_FRIENDS = Segment.model_validate({"id": "old-friends", "tenant": TENANT, "known_for": "25d"})


class Stack:
    """Topics, a store, a sink and the segments service."""

    def __init__(self, bootstrap: str, folder: Path, store: StoreProcess) -> None:
        self.folder, self.store, self.client = folder, store, store.start()
        self.rules = folder / "rules"
        self.rules.mkdir()
        (self.rules / "one.yaml").write_text(ONE)
        (folder / "mailweir.yaml").write_text(f"tenants: [{{name: {TENANT}}}]\nsegments: rules\n")
        apply_topics(bootstrap, PARTITIONS, 1, timeout_s=20)
        apply_tables(self.client)
        self._env = {
            **os.environ, "PYTHONPATH": str(ROOT), "MAILWEIR_KAFKA": bootstrap, "MAILWEIR_SESSION_TIMEOUT_MS": "6000",
            "MAILWEIR_DATA": str(folder / "data"), "MAILWEIR_CONFIG": str(folder / "mailweir.yaml"),
            "MAILWEIR_CLICKHOUSE": store.url,
        }  # fmt: skip
        self._producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, "partitioner": "murmur2_random"})
        self._running: list[subprocess.Popen[bytes]] = []
        self.start("sink")
        self.segments = self.start("segments")

    def start(self, service: str) -> subprocess.Popen[bytes]:
        log = self.folder / f"{service}-{len(self._running)}.log"
        process = processes.spawn([sys.executable, "-m", "streams", service], log=log, env=self._env)
        self._running.append(process)
        return process

    def feed(self, since: int, until: int) -> int:
        """The events that were received then, and the time; how many."""
        found = [event for event in LOG if since <= event.received_at < until]
        for event in found:
            topic = EMAIL_EVENTS if isinstance(event, EmailEvent) else ACTIVITY_EVENTS
            self._send(topic, event, partition_key(TENANT, event.recipient_key))
        for topic in (EMAIL_EVENTS, ACTIVITY_EVENTS):
            for number in range(PARTITIONS):
                self._send(topic, Tick(at=until, writer=topic.name), None, number)
        assert self._producer.flush(60) == 0
        return len(found)

    def _send(self, topic: Topic, record: Any, key: bytes | None, partition: int = -1) -> None:
        self._producer.produce(topic.name, CODEC.encode(record), key, partition)
        self._producer.poll(0)

    def ask(self, sql: str) -> list[Any]:
        return list(self.client.query(sql).result_rows)

    def statuses(self) -> dict[str, str]:
        return dict(self.ask("SELECT segment_id, status FROM segment_list ORDER BY since"))

    def by_stream(self) -> dict[str, list[str]]:
        sql = "SELECT segment_id, groupArray(recipient_key) FROM (SELECT * FROM segment_members ORDER BY recipient_key)"
        return dict(self.ask(f"{sql} GROUP BY segment_id"))

    def wait(self, until: Callable[[], bool], what: str, deadline_s: float = 120) -> None:
        deadline = time.monotonic() + deadline_s
        while True:
            with suppress(ClickHouseError):
                if until():
                    return
            dead = [process.args for process in self._running if process.poll() not in (None, -9)]
            if dead or time.monotonic() > deadline:
                told = "\n".join(processes.last_lines(log) for log in sorted(self.folder.glob("*.log")))
                pytest.fail(f"{what}: not after {deadline_s} s, ended: {dead}; {self.statuses()}\n{told}")
            time.sleep(0.2)

    def close(self) -> None:
        for process in self._running:
            processes.kill(process)
        self.client.close()
        self.store.stop()


@pytest.fixture
def stack(tmp_path: Path, start_kafka: StartKafka) -> Iterator[Stack]:
    made = Stack(start_kafka(tmp_path / "kafka").bootstrap, tmp_path, StoreProcess(tmp_path / "store"))
    yield made
    made.close()


def by_sql(store: Client, segments: list[Segment], now: int) -> dict[str, list[str]]:
    rules = {segment.id: segment.rule for segment in segments}
    found = {}
    for segment in segments:
        query = compile_sql(segment.rule, rules)
        found[segment.id] = [who for (who,) in store.query(query.text, query.at(TENANT, now)).result_rows]
    return {id_: who for id_, who in found.items() if who}


@pytest.mark.kafka
@pytest.mark.timeout(400)
def test_new_segments_are_built_from_the_store_while_events_go_on_and_after_a_kill(stack: Stack) -> None:
    for kind in (EmailEvent, ActivityEvent):  # older than what the log has
        store_records(stack.client, [event for event in LOG if isinstance(event, kind) and event.received_at < BEGIN])
    assert stack.feed(BEGIN, CHANGE) > 500
    known = len({(type(event), event.event_id) for event in LOG if event.received_at < CHANGE})
    count = "SELECT (SELECT uniqExact(event_id) FROM email_events) + (SELECT uniqExact(event_id) FROM activity_events)"
    stack.wait(lambda: stack.ask(count) == [(known,)], "everything is stored")
    stack.wait(lambda: stack.statuses() == {"old-friends": "live"}, "the first segment is live")
    first = by_sql(stack.client, [OLD_FRIENDS], CHANGE)
    stack.wait(lambda: stack.by_stream() == first, "who is known long enough is in it")

    (stack.rules / "one.yaml").unlink()
    segments = write_rules(stack.rules)
    stack.wait(lambda: "building" in stack.statuses().values(), "new segments are being built")
    processes.kill(stack.segments)
    stack.segments = stack.start("segments")
    stack.feed(CHANGE, END)
    stack.wait(lambda: stack.statuses() == {segment.id: "live" for segment in segments}, "they are live")
    wanted = by_sql(stack.client, segments, END)
    with suppress(pytest.fail.Exception):  # the assertion tells more
        stack.wait(lambda: stack.by_stream() == wanted, "the members by the stream are those by SQL", 60)
    assert stack.by_stream() == wanted
    assert len(wanted) > 20
    assert sum(map(len, wanted.values())) > 100
    told = stack.ask("SELECT segment_id, groupUniqArray(status) FROM segment_statuses FINAL GROUP BY segment_id")
    assert {tuple(sorted(each)) for id_, each in told if id_ != "old-friends"} == {("building", "live")}
    assert stack.ask("SELECT count() FROM transitions WHERE segment_id != 'old-friends' AND cause = 'rule'") != [(0,)]
