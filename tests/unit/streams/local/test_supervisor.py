"""Real child processes with real HTTP, supervised."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from schemas.errors import Transient
from streams.local import ports
from streams.local.supervisor import Bounds, Service, Supervisor

SERVER = """
import signal, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer
port, journal, name = int(sys.argv[1]), sys.argv[2], sys.argv[3]
class Ready(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(503 if name == "never" else 200)
        self.end_headers()
        self.wfile.write(b"waiting for the broker")
    def log_message(self, *_): pass
def end(*_):
    with open(journal, "a") as out: print(name, file=out)
    sys.exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN if name == "stubborn" else end)
HTTPServer(("127.0.0.1", port), Ready).serve_forever()
"""
CRASHES = "import sys; print('no disk left'); sys.exit(1)"
REFUSES = "import sys; print('mailweir.yaml: unknown key `sorces`; did you mean `sources`?'); sys.exit(2)"
QUICK = Bounds(ready_s=10.0, stop_s=5.0, restarts_per_minute=3, first_pause_s=0.02, longest_pause_s=0.1)


class Stage:
    """A supervisor, what it has reported, and services to give it."""

    def __init__(self, folder: Path, bounds: Bounds = QUICK) -> None:
        self.lines: list[str] = []
        self.folder = folder
        self.journal = folder / "journal"
        self.supervisor = Supervisor(report=self.lines.append, bounds=bounds)

    def service(self, name: str, *, code: str = SERVER, stage: int = 0) -> Service:
        port = ports.free_port()
        return Service(
            name=name,
            argv=(sys.executable, "-c", code, str(port), str(self.journal), name),
            env=dict(os.environ),
            ready_url=f"http://127.0.0.1:{port}/readyz",
            log=self.folder / f"{name}.log",
            stage=stage,
        )

    def has_reported(self, *words: str) -> bool:
        return any(all(word in line for word in words) for line in self.lines)


@pytest_asyncio.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    made = Stage(tmp_path)
    yield made
    await made.supervisor.stop()


async def until(is_true: Callable[[], bool], timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_true():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        await asyncio.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_start_returns_when_all_services_are_ready(stage: Stage) -> None:
    services = [stage.service("gateway"), stage.service("sink")]
    await stage.supervisor.start(services)
    assert all(ports.answers(int(service.argv[3])) for service in services)
    assert stage.has_reported("gateway is ready")
    assert stage.has_reported("sink is ready")


async def test_a_killed_service_comes_back_and_is_reported(stage: Stage) -> None:
    await stage.supervisor.start([stage.service("sink")])
    first = stage.supervisor.pid("sink")
    stage.supervisor.kill("sink")
    await until(lambda: stage.supervisor.restarts["sink"] == 1)
    await stage.supervisor.wait_until_ready("sink")
    assert stage.supervisor.pid("sink") not in {None, first}
    assert stage.has_reported("sink", "SIGKILL", "starting it again")
    await until(lambda: stage.has_reported("sink is back"))


async def test_a_kill_of_one_service_leaves_the_others_alone(stage: Stage) -> None:
    await stage.supervisor.start([stage.service("sink"), stage.service("console")])
    console = stage.supervisor.pid("console")
    stage.supervisor.kill("sink")
    await until(lambda: stage.supervisor.restarts["sink"] == 1)
    assert stage.supervisor.pid("console") == console


async def test_a_service_that_keeps_crashing_is_given_up_with_its_log_and_last_words(stage: Stage) -> None:
    service = stage.service("sink", code=CRASHES)
    with pytest.raises(Transient) as caught:
        await stage.supervisor.start([service])
    assert "sink ended 4 times within a minute and was given up" in str(caught.value)
    assert str(service.log) in str(caught.value)
    assert "no disk left" in str(caught.value)
    assert stage.supervisor.restarts["sink"] == 3


async def test_a_running_stack_learns_that_a_service_was_given_up(stage: Stage) -> None:
    await stage.supervisor.start([stage.service("sink")])
    failure = asyncio.create_task(stage.supervisor.wait_for_failure())
    for restarts in range(1, 5):
        stage.supervisor.kill("sink")
        await until(lambda n=restarts: failure.done() or stage.supervisor.restarts["sink"] == n)  # type: ignore[misc]
        if not failure.done():
            await stage.supervisor.wait_until_ready("sink")
    assert "sink ended 4 times" in await asyncio.wait_for(failure, 10)


async def test_a_service_with_a_wrong_configuration_is_not_tried_again(stage: Stage) -> None:
    with pytest.raises(Transient, match="refuses its configuration") as caught:
        await stage.supervisor.start([stage.service("gateway", code=REFUSES)])
    assert "did you mean `sources`?" in str(caught.value)
    assert stage.supervisor.restarts["gateway"] == 0


async def test_a_service_that_never_gets_ready_is_named_with_its_answer_and_log(tmp_path: Path) -> None:
    stage = Stage(tmp_path, Bounds(ready_s=1.0, stop_s=5.0))
    service = stage.service("never")
    try:
        with pytest.raises(Transient) as caught:
            await stage.supervisor.start([service, stage.service("sink")])
    finally:
        await stage.supervisor.stop()
    text = str(caught.value)
    assert "never was not ready after 1 s" in text
    assert "503: waiting for the broker" in text
    assert str(service.log) in text
    assert "sink was not ready" not in text


async def test_a_program_that_does_not_exist_is_a_sentence(stage: Stage) -> None:
    missing = replace(stage.service("sink"), argv=("/nowhere/mailweir",))
    with pytest.raises(Transient, match=r"sink cannot be started \(no such program: /nowhere/mailweir\)"):
        await stage.supervisor.start([missing])


async def test_stopping_goes_from_the_highest_stage_to_the_lowest(stage: Stage) -> None:
    order = {"store": 0, "sink": 1, "normalise": 2, "gateway": 3}
    await stage.supervisor.start([stage.service(name, stage=number) for name, number in order.items()])
    await stage.supervisor.stop()
    assert stage.journal.read_text().split() == ["gateway", "normalise", "sink", "store"]


async def test_the_upper_stages_can_be_stopped_while_the_lower_ones_are_kept_alive(stage: Stage) -> None:
    await stage.supervisor.start([stage.service("store", stage=0), stage.service("gateway", stage=3)])
    await stage.supervisor.stop_stages(3)
    assert stage.journal.read_text().split() == ["gateway"]
    stage.supervisor.kill("store")
    await until(lambda: stage.supervisor.restarts["store"] == 1)
    await stage.supervisor.wait_until_ready("store")
    assert stage.supervisor.pid("gateway") is None


async def test_a_service_that_ignores_sigterm_is_killed_after_the_bound(tmp_path: Path) -> None:
    stage = Stage(tmp_path, Bounds(stop_s=0.3))
    await stage.supervisor.start([stage.service("stubborn"), stage.service("sink")])
    pids = [stage.supervisor.pid("stubborn"), stage.supervisor.pid("sink")]
    await stage.supervisor.stop()
    assert not any(is_alive(pid) for pid in pids if pid is not None)
    assert stage.journal.read_text().split() == ["sink"]


async def test_a_stopped_service_is_not_started_again(stage: Stage) -> None:
    await stage.supervisor.start([stage.service("sink")])
    await stage.supervisor.stop()
    assert stage.supervisor.pid("sink") is None
    assert stage.supervisor.restarts["sink"] == 0
    assert not stage.has_reported("starting it again")


async def test_after_kill_all_nothing_runs_and_nothing_comes_back(stage: Stage) -> None:
    await stage.supervisor.start([stage.service("stubborn"), stage.service("sink")])
    stage.supervisor.kill_all()
    assert stage.supervisor.pid("stubborn") is None
    await stage.supervisor.stop()
    assert stage.supervisor.restarts == {"stubborn": 0, "sink": 0}
    assert not stage.has_reported("starting it again")


async def test_a_service_that_was_ready_is_tried_again_even_after_exit_code_2(stage: Stage) -> None:
    code = SERVER.replace("sys.exit(0)", "sys.exit(2)")
    await stage.supervisor.start([stage.service("sink", code=code)])
    stage.supervisor.kill("sink", signal.SIGTERM)
    await until(lambda: stage.supervisor.restarts["sink"] == 1)
    await stage.supervisor.wait_until_ready("sink")
    assert stage.supervisor.failure is None


async def test_a_paused_service_can_be_resumed(stage: Stage) -> None:
    await stage.supervisor.start([stage.service("sink")])
    pid = stage.supervisor.pid("sink")
    stage.supervisor.kill("sink", signal.SIGSTOP)
    stage.supervisor.kill("sink", signal.SIGCONT)
    assert stage.supervisor.pid("sink") == pid


async def test_two_services_of_one_name_are_refused(stage: Stage) -> None:
    await stage.supervisor.start([stage.service("sink")])
    with pytest.raises(ValueError, match="'sink' is running already"):
        await stage.supervisor.start([stage.service("sink")])
