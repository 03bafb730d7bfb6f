"""`mailweir follow` on a real broker: killed at any moment, over rotations, every line arrives."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from connectors.base import Context, Request
from connectors.registry import connector
from schemas.avro import Codec
from schemas.envelope import RawWebhook
from schemas.events import EmailEvent
from schemas.topics import WEBHOOKS
from streams.local.broker import Tansu
from streams.topics import apply_topics

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 60.0
_PARTITIONS = 2
CONFIG = """
sources:
  - {name: own-mta, provider: powermta, secrets: [a-token-of-good-length]}
  - {name: own-postfix, provider: postfix, secrets: [a-token-of-good-length]}
"""
HEADER = "type,timeLogged,timeQueued,orig,rcpt,dsnAction,dsnStatus,dsnDiag,jobId,dlvSourceIp\n"


class Follow:
    """The command in a process of its own, and what it has written so far."""

    def __init__(self, folder: Path, bootstrap: str) -> None:
        self.folder, self._bootstrap = folder, bootstrap
        (folder / "mailweir.yaml").write_text(CONFIG)
        self._processes: list[subprocess.Popen[bytes]] = []
        self._consumer = Consumer(
            {"bootstrap.servers": bootstrap, "group.id": folder.name, "enable.auto.commit": False}
        )
        self._consumer.assign([TopicPartition(WEBHOOKS.name, number, 0) for number in range(_PARTITIONS)])
        self.records: list[RawWebhook] = []
        self._lines: set[str] = set()

    def start(self, *args: str) -> subprocess.Popen[bytes]:
        clean = {name: text for name, text in os.environ.items() if not name.startswith("MAILWEIR_")}
        given = {"MAILWEIR_KAFKA": self._bootstrap, "PYTHONPATH": str(ROOT)}
        with (self.folder / "follow.log").open("ab") as out:
            command = [sys.executable, "-m", "streams", "follow", *args]
            process = subprocess.Popen(command, cwd=self.folder, env={**clean, **given}, stderr=out)
        self._processes.append(process)
        return process

    def lines(self) -> set[str]:
        """Every line that has arrived."""
        for message in self._consumer.consume(1_000, 0.1):
            assert message.error() is None
            self.records.append(Codec().decode(message.value() or b"", RawWebhook))
            self._lines.update(self.records[-1].body.decode().splitlines())
        return self._lines

    def until(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not is_so():
            log = (self.folder / "follow.log").read_text()
            assert time.monotonic() < deadline, f"{len(self.lines())} lines arrived\n{log}"

    def close(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
        self._consumer.close()


@pytest.fixture
def follow(tmp_path: Path) -> Iterator[Follow]:
    """A broker of its own, for the topic's name is fixed."""
    with Tansu(tmp_path) as broker:
        apply_topics(broker.bootstrap, _PARTITIONS, 1)
        found = Follow(tmp_path, broker.bootstrap)
        yield found
        found.close()


def record(number: int) -> str:
    return (
        f"d,2026-01-01 00:00:00+0000,2025-12-31 23:59:58+0000,news@shop.example,r{number}@example.com,relayed,2.0.0,"
        f'"smtp;250 2.0.0 OK, number {number}",winter-sale,198.51.100.7\n'
    )


def test_kills_and_rotations_lose_no_record_and_repeat_none_by_id(follow: Follow) -> None:
    path, chance, written = follow.folder / "acct.csv", random.Random(7), 0
    path.write_text(HEADER)

    def write(count: int) -> None:
        nonlocal written
        with path.open("a") as file:
            if not file.tell():
                file.write(HEADER)
            file.writelines(record(number) for number in range(written, written + count))
        written += count

    def all_there() -> bool:
        return {record(number).rstrip("\n") for number in range(written)} <= follow.lines()

    for turn in range(4):
        process = follow.start("own-mta", "acct.csv")
        seen = len(follow.lines())
        write(10_000)
        follow.until(lambda seen=seen: len(follow.lines()) > seen)  # type: ignore[misc]
        if turn % 2:
            write(chance.randrange(5_000))
            path.rename(follow.folder / f"acct-2026-01-0{turn}-0000.csv")
            write(chance.randrange(1, 5_000))
        process.send_signal(signal.SIGKILL)
        process.wait()
        write(chance.randrange(1_000))
        shutil.copy(path, follow.folder / f"acct-2026-02-0{turn}-0000.csv")
        os.truncate(path, 0)
        write(chance.randrange(1, 1_000))
    process = follow.start("own-mta", "acct.csv")
    follow.until(all_there)
    process.send_signal(signal.SIGTERM)
    assert process.wait(DEADLINE_S) == 0
    ids = [event.event_id for event in events_of(follow.records)]
    assert len(set(ids)) == written, "one event for each record, however often it came"
    assert len(ids) < 2 * written


def events_of(records: list[RawWebhook]) -> list[EmailEvent]:
    found = []
    for raw in records:
        headers = {header.name: header.value for header in raw.headers}
        context = Context(tenant=raw.tenant, source=raw.source, received_at=raw.received_at)
        result = connector(raw.provider).parse(Request(headers=headers, body=raw.body), context)
        assert not result.failures
        found += [event for event in result.events if isinstance(event, EmailEvent)]
    return found


def test_a_finished_file_is_read_once_and_joined_over_batches(follow: Follow) -> None:
    path = follow.folder / "mail.log"
    start = "2026-01-01T00:00:00Z mx1 postfix/"
    with path.open("w") as file:
        for number in range(8_000):  # some MB, so several batches; the last lines belong to the first messages
            file.write(f"{start}cleanup[1]: {number:010X}: message-id=<{number}@shop.example>\n")
            file.write(f"{start}qmgr[1]: {number:010X}: from=<b@shop.example>, size=1, nrcpt=1 (queue active)\n")
        for number in range(8_000):
            outcome = "relay=mx.example.com[192.0.2.1]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)"
            file.write(f"{start}smtp[1]: {number:010X}: to=<r{number}@example.com>, {outcome}\n")
    for _ in range(2):
        assert follow.start("own-postfix", "mail.log", "--once", "--zone", "UTC").wait(DEADLINE_S) == 0
    follow.until(lambda: sum("status=sent" in line for line in follow.lines()) >= 8_000)
    events = events_of(follow.records)
    assert len(follow.records) > 3
    assert len(events) == 8_000
    assert {event.smtp_message_id for event in events} == {f"{number}@shop.example" for number in range(8_000)}
    assert {event.sending_domain for event in events} == {"shop.example"}


@pytest.mark.parametrize(
    ("args", "code", "sentence"),
    [
        (["own-mtb", "acct.csv"], 2, "no source is called 'own-mtb'; there is own-mta, own-postfix"),
        (["own-mta", "acct.csv", "--once"], 2, "acct.csv: no such file"),
    ],
)
def test_mistakes_get_one_sentence(follow: Follow, args: list[str], code: int, sentence: str) -> None:
    assert follow.start(*args).wait(DEADLINE_S) == code
    said = (follow.folder / "follow.log").read_text()
    assert sentence in said
    assert "Traceback" not in said
