"""The remediation service on a real log: a sender's API is called once, a person's word obeyed, kills survived."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from schemas.aggregates import Level, Tick
from schemas.avro import Codec
from schemas.remediation import Action, Decision, Mode, Outcome, OutcomeStatus, Verb
from schemas.topics import DECISIONS, OUTCOMES, RULINGS, STANDING_REPORTS, VERDICTS, Topic
from streams.local import ports, processes
from streams.local.broker import Tansu
from streams.topics import apply_topics
from tests.unit.streams.core.remediation_cases import at, hits, ruling_on, verdict_of

CODEC = Codec()
ROOT = Path(__file__).parents[2]
TIMEOUT_S = 120.0
CONFIG = """
tenants: [{{name: acme}}]
sources:
  - name: esp
    provider: sendgrid
    tenant: acme
    is_unsigned: true
    control:
      driver: webhook
      base_url: "http://127.0.0.1:{port}/hook"
      secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
policies: [{{tenant: acme, mode: {mode}, approval_min: 600}}]
"""


class Api:
    """A sender's endpoint that notes what it is asked, and answers while `answers` is set."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.answers = threading.Event()
        self.answers.set()
        noted, answers = self.asked, self.answers

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                noted.append((str(self.headers["webhook-id"]), httpx.Response(200, content=body).json()))
                answers.wait(TIMEOUT_S)
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

            def handle(self) -> None:
                with suppress(ConnectionError):  # who asked was killed meanwhile
                    super().handle()

        self.server = ThreadingHTTPServer((ports.LOOPBACK, 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def actions(self) -> list[str]:
        return [str(body["type"]).removeprefix("mailweir.") for _, body in self.asked]


class Log:
    """Records in, decisions and outcomes out."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self._producer = Producer({"bootstrap.servers": bootstrap, "log_level": 2})

    def say(self, topic: Topic, *records: Any) -> None:
        for record in records:
            self._producer.produce(topic.name, CODEC.encode(record), b"key", 0)
        assert self._producer.flush(20) == 0

    def all(self, topic: Topic, record: type) -> list[Any]:
        reader = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "test", "log_level": 2})
        reader.assign([TopicPartition(topic.name, 0, 0)])
        try:
            found: list[Any] = []
            while messages := reader.consume(500, 0.5):
                found += [CODEC.decode(m.value() or b"", record) for m in messages if m.error() is None]
            return found
        finally:
            reader.close()

    def decisions(self) -> list[Decision]:
        return self.all(DECISIONS, Decision)

    def statuses(self) -> list[str]:
        return [outcome.status for outcome in self.all(OUTCOMES, Outcome)]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Tansu(tmp_path_factory.mktemp("broker")) as running:
        yield running.bootstrap


@contextmanager
def service(bootstrap: str, folder: Path, api: Api, mode: Mode) -> Iterator[subprocess.Popen[bytes]]:
    config, port = folder / "mailweir.yaml", ports.free_port()
    config.write_text(CONFIG.format(port=api.port, mode=mode))
    settings = {
        "MAILWEIR_KAFKA": bootstrap,
        "MAILWEIR_CONFIG": str(config),
        "MAILWEIR_METRICS_PORT": str(port),
        "MAILWEIR_SESSION_TIMEOUT_MS": "6000",
        "PYTHONPATH": str(ROOT),
    }
    log = folder / "remediation.log"
    process = processes.spawn([sys.executable, "-m", "streams", "remediation"], log=log, env={**os.environ, **settings})
    try:
        until(lambda: is_ready(port), log)
        yield process
    finally:
        processes.kill(process)


def is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://{ports.LOOPBACK}:{port}/readyz", trust_env=False).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def until(condition: Callable[[], bool], log: Path | None = None, api: Api | None = None) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        if time.monotonic() > deadline:
            asked = f", the API was asked {api.actions()}" if api else ""
            pytest.fail(f"it did not happen{asked}; {log.read_text()[-3000:] if log else ''}")
        time.sleep(0.1)


def test_a_person_approves_takes_back_and_no_kill_makes_it_act_twice(broker: str, tmp_path: Path) -> None:
    apply_topics(broker, 2, 1, timeout_s=30.0)
    log, api, said = Log(broker), Api(), tmp_path / "remediation.log"
    with service(broker, tmp_path, api, Mode.APPROVE) as process:
        log.say(VERDICTS, verdict_of(1, delivered=300, bounced_address=40), Tick(at=at(2), writer="t"))
        until(lambda: OutcomeStatus.WAITING in log.statuses(), said, api)
        assert not api.asked, "it acted without being allowed to"
        (waiting,) = log.decisions()
        assert (waiting.action, waiting.mode, waiting.campaign_id) == (Action.PAUSE_CAMPAIGN, Mode.APPROVE, "spring")
        os.kill(process.pid, signal.SIGKILL)

    approval = ruling_on(waiting, Verb.APPROVE, minute=3)
    api.answers.clear()
    with service(broker, tmp_path, api, Mode.APPROVE) as process:
        log.say(RULINGS, approval, approval)
        until(lambda: api.actions() == ["pause_campaign"], said, api)
        os.kill(process.pid, signal.SIGKILL)  # before the answer came: nobody can know whether it was done
    api.answers.set()

    with service(broker, tmp_path, api, Mode.APPROVE):
        until(lambda: api.actions() == ["pause_campaign"] * 2, said, api)
        until(lambda: OutcomeStatus.DONE in log.statuses(), said, api)
        # what the watch says again after a restart of its own changes nothing
        log.say(VERDICTS, verdict_of(1, delivered=300, bounced_address=40), Tick(at=at(2), writer="t"))
        log.say(RULINGS, approval)
        log.say(RULINGS, ruling_on(waiting, Verb.REVERT, minute=5))
        until(lambda: api.actions()[2:] == ["resume_campaign"], said, api)
        until(lambda: log.statuses().count(OutcomeStatus.DONE) == 2, said, api)
    first, again, last = api.asked
    assert first[0] == again[0] == waiting.decision_id, "asked again under another id, the sender would act twice"
    assert last[1]["data"]["reverts"] == waiting.decision_id
    made = log.decisions()
    assert {d.decision_id for d in made} == {waiting.decision_id, last[0]}
    released = [d for d in made if d.decision_id == waiting.decision_id and d.mode == Mode.ACT]
    assert released
    assert all('"who":"ada"' in d.evidence for d in released)


def test_time_alone_lets_a_paused_campaign_try_again(broker: str, tmp_path: Path) -> None:
    """What the test before had done by then is not done again."""
    apply_topics(broker, 2, 1, timeout_s=30.0)
    log, api, said = Log(broker), Api(), tmp_path / "remediation.log"
    with service(broker, tmp_path, api, Mode.ACT):
        log.say(VERDICTS, verdict_of(10, key="autumn", delivered=300, bounced_address=40), Tick(at=at(11), writer="t"))
        until(lambda: api.actions() == ["pause_campaign"], said, api)
        log.say(VERDICTS, Tick(at=at(10 + 61), writer="t"))
        until(lambda: api.actions() == ["pause_campaign", "resume_campaign"], said, api)
    trial = api.asked[-1][1]["data"]
    assert 0 < float(trial["share"]) <= 0.01
    assert trial["level"] != Level.HEALTHY


def test_hits_of_spam_traps_in_a_report_are_told_once_and_other_figures_are_not(broker: str, tmp_path: Path) -> None:
    apply_topics(broker, 2, 1, timeout_s=30.0)
    log, api, said = Log(broker), Api(), tmp_path / "remediation.log"
    with service(broker, tmp_path, api, Mode.ACT):
        log.say(VERDICTS, Tick(at=at(90), writer="t"))
        log.say(
            STANDING_REPORTS, hits(metric="complaint_rate", source="esp"), hits(source="esp"), hits(4, source="esp")
        )
        until(lambda: "alert" in api.actions(), said, api)
        log.say(STANDING_REPORTS, hits(1, source="esp", sending_ip="192.0.2.9"))
        until(lambda: api.actions().count("alert") == 2, said, api)
    told = [decision for decision in log.decisions() if decision.action == Action.ALERT]
    assert [(decision.cause, decision.sending_ip) for decision in told] == [
        ("trap", "192.0.2.1"),
        ("trap", "192.0.2.9"),
    ]
