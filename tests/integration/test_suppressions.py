"""The suppression service on a log: events in, answers out; several processes and commands write one list."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest

from schemas.avro import Codec
from schemas.events import EmailEvent, EventType
from schemas.identity import recipient_key
from schemas.settings import Settings
from schemas.suppressions import Suppression
from schemas.topics import EMAIL_EVENTS, SUPPRESSIONS
from streams.commands import suppression as command
from streams.core.suppression.book import Book
from streams.kafka import LogProducer, Record
from streams.local import ports
from streams.local.broker import Tansu
from streams.suppression.log import read_book, records_of
from streams.topics import apply_topics

CODEC = Codec()
ROOT = Path(__file__).parents[2]
NOW = 1_800_000_000_000
TIMEOUT_S = 120.0  # on a busy machine the service compiles for a minute
LIMIT = 10_000


class Service:
    """One process of `mailweir suppression`."""

    def __init__(self, folder: Path, bootstrap: str) -> None:
        self.port = ports.free_port()
        (folder / "mailweir.yaml").write_text("tenants: [{name: default}, {name: acme, recipient_secret: s}]\n")
        environ = {
            **os.environ, "MAILWEIR_KAFKA": bootstrap, "MAILWEIR_CONFIG": str(folder / "mailweir.yaml"),
            "MAILWEIR_SUPPRESSION_PORT": str(self.port), "MAILWEIR_SESSION_TIMEOUT_MS": "6000",
        }  # fmt: skip
        self._process = subprocess.Popen(
            [sys.executable, "-m", "streams", "suppression"], cwd=ROOT, env=environ, stderr=subprocess.PIPE, text=True
        )

    def wait(self) -> Service:
        """Until it is ready."""
        until(lambda: self._get("/readyz") == 200)
        return self

    def causes(self, *addresses: str) -> list[str]:
        """The first cause of each, "" for those who may be mailed."""
        body = json.dumps({"tenant": "acme", "addresses": addresses}).encode()
        with urlopen(Request(f"http://127.0.0.1:{self.port}/v1/check", body), timeout=10) as answer:
            return [result.get("cause", "") for result in json.load(answer)["results"]]

    def kill(self) -> None:
        """See that nothing is left of it."""
        if self._process.poll() is None:
            self.end(signal.SIGKILL)

    def end(self, number: int = signal.SIGTERM) -> str:
        """End it; what it wrote to stderr."""
        self._process.send_signal(number)
        return self._process.communicate(timeout=30)[1]

    def _get(self, path: str) -> int:
        assert self._process.poll() is None, self._process.communicate()
        try:
            with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return int(answer.status)
        except HTTPError as error:
            return error.code
        except URLError:
            return 0


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


@pytest.fixture
def bootstrap(tmp_path: Path) -> Iterator[str]:
    with Tansu(tmp_path) as broker:
        apply_topics(broker.bootstrap, 2, 1, timeout_s=30.0)
        yield broker.bootstrap


@pytest.fixture
def serve(tmp_path: Path, bootstrap: str) -> Iterator[Callable[[], Service]]:
    """Starts a service; what is left of it in the end is killed."""
    started: list[Service] = []

    def start() -> Service:
        started.append(Service(tmp_path, bootstrap))
        return started[-1].wait()

    yield start
    for service in started:
        service.kill()


@pytest.fixture
def log(bootstrap: str) -> Iterator[LogProducer]:
    producer = LogProducer(bootstrap)
    yield producer
    producer.close()


def event(kind: str, address: str, at_ms: int = NOW, **more: object) -> Record:
    found = EmailEvent(
        event_id=f"{kind}-{address}", tenant="acme", source="s", provider="p", event_type=EventType(kind),
        occurred_at=at_ms, received_at=at_ms, recipient=address, recipient_key=recipient_key("s", "acme", address),
        **more,  # type: ignore[arg-type]  # by name
    )  # fmt: skip
    return Record(EMAIL_EVENTS.name, CODEC.encode(found), found.recipient_key.encode())


def dead(address: str) -> Record:
    return event(
        "bounced", address, bounce_reason="invalid_recipient", bounce_scope="address", bounce_permanence="permanent"
    )


def test_what_events_say_is_answered_and_survives_a_kill(
    bootstrap: str, serve: Callable[[], Service], log: LogProducer
) -> None:
    service = serve()
    log.produce_all([event("delivered", "bo@example.com"), event("unsubscribed", "bo@example.com")])
    log.produce_all([dead("cy@example.com"), event("opened", "di@example.com"), Record(EMAIL_EVENTS.name, b"junk")])
    people = ("bo@example.com", "cy@example.com", "di@example.com")
    until(lambda: service.causes(*people) == ["unsubscribe", "dead_address", ""])
    until(lambda: len(read_book(bootstrap, CODEC, LIMIT)) == 2)  # it answers a moment before it has written
    service.end(signal.SIGKILL)
    again = serve()
    assert again.causes(*people) == ["unsubscribe", "dead_address", ""]  # ready means that it has read the list
    log.produce_all([event("subscribed", "bo@example.com", NOW + 1)])
    until(lambda: again.causes(*people) == ["", "dead_address", ""])
    assert "@example.com" not in again.end()


def test_two_processes_and_a_command_keep_one_list(
    tmp_path: Path, bootstrap: str, log: LogProducer, serve: Callable[[], Service]
) -> None:
    one, two = serve(), serve()
    people = [f"p{number}@example.com" for number in range(50)]
    log.produce_all([dead(address) for address in people])
    until(lambda: one.causes(*people) == ["dead_address"] * 50 == two.causes(*people))
    of = Settings(kafka=bootstrap, config=tmp_path / "mailweir.yaml")
    terms = command.terms_of(of, "acme", now_ms=NOW + 5, who="ada", cause="dead_address")
    out = io.StringIO()
    assert command.run_remove(of, terms, people[:1], "he has a new mailbox", out) == 0
    until(lambda: one.causes(*people[:2]) == ["", "dead_address"] == two.causes(*people[:2]))


def test_a_record_of_a_writer_that_knew_less_is_mended(
    bootstrap: str, log: LogProducer, serve: Callable[[], Service]
) -> None:
    key = recipient_key("s", "acme", "bo@example.com")
    newer = Suppression(
        tenant="acme", scope="tenant", recipient_key=key, cause="unsubscribe", status="active", since=NOW, event_id="a"
    )
    older = Suppression(
        tenant="acme", scope="tenant", recipient_key=key, cause="unsubscribe", status="removed", since=NOW - 1,
        who="ada",
    )  # fmt: skip
    log.produce_all(records_of([newer], CODEC))
    serve()
    log.produce_all(records_of([older], CODEC))

    def last() -> Suppression:
        book, values = Book(), values_of(bootstrap)
        book.read(CODEC.decode(values[-1], Suppression))
        return book.facts("acme", key)[0]

    until(lambda: last() == newer)


def values_of(bootstrap: str) -> list[bytes]:
    from confluent_kafka import Consumer  # noqa: PLC0415 - only here

    from streams.lane.changelog import read_to_end  # noqa: PLC0415

    reader = Consumer({"bootstrap.servers": bootstrap, "group.id": "t", "enable.partition.eof": True})
    try:
        return [message.value() or b"" for message in read_to_end(reader, SUPPRESSIONS.name, [0])]
    finally:
        reader.close()


def test_a_file_is_taken_in_once_and_comes_out_again(tmp_path: Path, bootstrap: str) -> None:
    (tmp_path / "mailweir.yaml").write_text("tenants: [{name: default}, {name: acme, recipient_secret: s}]\n")
    of = Settings(kafka=bootstrap, config=tmp_path / "mailweir.yaml")
    path = tmp_path / "list.csv"
    path.write_text("email,type,created\nbo@example.com,unsubscribe,2024-01-01\nnobody,,\ncy@example.com,,2024-01-01\n")
    terms = command.terms_of(of, "acme", now_ms=NOW, who="ada")
    for expected in ("2 added, 0 were known, 1 lines", "0 added, 2 were known, 1 lines"):
        out = io.StringIO()
        assert command.run_import(of, path, terms, dry_run=False, out=out) == 1
        assert expected in out.getvalue()
        assert "line 3" in out.getvalue()
    out = io.StringIO()
    command.run_export(of, "acme", out, now_ms=NOW, as_csv=False, everything=False)
    found = {line["address"]: line["cause"] for line in map(json.loads, out.getvalue().splitlines())}
    assert found == {"bo@example.com": "unsubscribe", "cy@example.com": "imported"}
    assert command.run_check(of, terms, ["bo@example.com"], io.StringIO()) == 1
    assert command.run_check(of, terms, ["di@example.com"], io.StringIO()) == 0
    assert len(read_book(bootstrap, CODEC, LIMIT)) == 2
