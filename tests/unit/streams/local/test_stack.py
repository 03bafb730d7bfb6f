"""The stack's wiring: every service gets its addresses, with a real broker and stand-ins for the services."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from schemas.errors import Misconfigured, Transient
from schemas.settings import load_settings
from schemas.topics import TOPICS
from streams.local import ports
from streams.local.broker import Tansu
from streams.local.stack import SERVICES, Plan, Stack
from streams.local.supervisor import Bounds
from streams.local.workspace import Workspace

FAKE = (sys.executable, str(Path(__file__).parent / "fake_service.py"))
QUICK = Bounds(ready_s=20.0, stop_s=2.0, restarts_per_minute=1, first_pause_s=0.02, longest_pause_s=0.1)


def plan(tmp_path: Path, **changes: object) -> Plan:
    environ = {"PATH": os.environ["PATH"], "MAILWEIR_LOG_LEVEL": "WARNING"}
    given: dict[str, object] = {"config": tmp_path / "mailweir.yaml", "environ": environ, "preferred": {}}
    return Plan(**{**given, **changes})  # type: ignore[arg-type]


def make(
    workspace: Workspace, made: Plan, report: Callable[[str], None] = lambda _: None, tables: list[str] | None = None
) -> Stack:
    seen = [] if tables is None else tables
    return Stack(workspace, made, report=report, program=FAKE, tables=seen.append, bounds=QUICK)


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def told(folder: Path, name: str) -> dict[str, str]:
    environ: dict[str, str] = json.loads((folder / f"{name}.json").read_text())
    return environ


async def test_everything_is_ready_after_start_and_gone_after_stop(tmp_path: Path) -> None:
    lines: list[str] = []
    tables: list[str] = []
    with Workspace(tmp_path / "data") as workspace:
        stack = make(workspace, plan(tmp_path), lines.append, tables)
        try:
            await stack.start()
            assert tables == [stack.clickhouse]
            found = AdminClient({"bootstrap.servers": stack.kafka}).list_topics(timeout=10).topics
            assert {topic.name for topic in TOPICS} <= set(found)
            pids = [stack.supervisor.pid(row.name) for row in SERVICES]
        finally:
            await stack.stop()
    assert None not in pids
    assert not any(is_alive(pid) for pid in pids if pid is not None)
    assert not ports.answers(int(stack.kafka.rpartition(":")[2]))
    assert {line.split()[0] for line in lines} == {"broker", *(row.name for row in SERVICES)}


async def test_segments_run_where_the_configuration_names_a_folder(tmp_path: Path) -> None:
    with Workspace(tmp_path / "data") as workspace:
        stack = make(workspace, plan(tmp_path, has_segments=True))
        try:
            await stack.start()
            assert stack.supervisor.pid("segments") is not None
        finally:
            await stack.stop()


async def test_every_service_is_told_where_everything_is(tmp_path: Path) -> None:
    with Workspace(tmp_path / "data") as workspace:
        stack = make(workspace, plan(tmp_path))
        try:
            await stack.start()
        finally:
            await stack.stop()
        for row in SERVICES:
            environ = told(workspace.folder, row.name)
            settings = load_settings(environ)
            assert settings.kafka == stack.kafka
            assert settings.clickhouse == stack.clickhouse
            assert settings.config == tmp_path / "mailweir.yaml"
            assert settings.log_level == "WARNING"
            assert ("MAILWEIR_METRICS_PORT" in environ) == (row.port == "metrics_port")
            assert stack.gateway_url.endswith(f":{settings.gateway_port}")
            assert stack.console_url.endswith(f":{settings.console_port}")
            assert Path(environ["TMPDIR"]).is_relative_to(workspace.folder)


async def test_a_given_broker_and_server_take_the_place_of_the_local_ones(tmp_path: Path) -> None:
    with Tansu(tmp_path) as elsewhere, Workspace(tmp_path / "data") as workspace:
        stack = make(workspace, plan(tmp_path, kafka=elsewhere.bootstrap, clickhouse="http://127.0.0.1:1"))
        try:
            await stack.start()
            assert (stack.kafka, stack.clickhouse) == (elsewhere.bootstrap, "http://127.0.0.1:1")
            with pytest.raises(KeyError):
                stack.supervisor.pid("store")
        finally:
            await stack.stop()
        assert elsewhere.is_running()


async def test_a_service_that_cannot_start_fails_the_stack_with_its_sentence(tmp_path: Path) -> None:
    with Workspace(tmp_path / "data") as workspace:
        made = plan(tmp_path, environ={"FAKE_REFUSES": "normalise"})
        stack = make(workspace, made)
        try:
            with pytest.raises(Transient, match=r"normalise ended 2 times[^\0]*normalise: cannot work"):
                await stack.start()
        finally:
            await stack.stop()


async def test_the_end_of_the_local_broker_is_a_failure_that_names_its_log(tmp_path: Path) -> None:
    with Workspace(tmp_path / "data") as workspace:
        stack = make(workspace, plan(tmp_path))
        try:
            await stack.start()
            assert stack._broker is not None
            stack._broker.kill()
            assert "broker has ended" in await stack.wait_for_failure()
        finally:
            await stack.stop()


def test_a_port_a_person_asked_for_is_refused_when_it_is_taken(tmp_path: Path) -> None:
    with socket.create_server((ports.LOOPBACK, 0)) as server, Workspace(tmp_path / "data") as workspace:
        port = server.getsockname()[1]
        wanted = plan(tmp_path, preferred={"gateway_port": port}, fixed=frozenset({"gateway_port"}))
        with pytest.raises(Misconfigured, match=f"port {port} .* in use .* MAILWEIR_GATEWAY_PORT"):
            make(workspace, wanted)


def test_a_preferred_port_that_is_taken_is_replaced(tmp_path: Path) -> None:
    with socket.create_server((ports.LOOPBACK, 0)) as server, Workspace(tmp_path / "data") as workspace:
        port = server.getsockname()[1]
        stack = make(workspace, plan(tmp_path, preferred={"gateway_port": port, "console_port": ports.free_port()}))
    assert stack.gateway_url != f"http://127.0.0.1:{port}"
    assert stack.gateway_url != stack.console_url
