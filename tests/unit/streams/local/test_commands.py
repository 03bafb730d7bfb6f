"""What `mailweir demo` and `mailweir up` say to a wrong command line, before anything is started."""

from __future__ import annotations

import io
import socket
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from schemas.errors import Misconfigured
from schemas.settings import load_settings
from streams.commands import demo, up
from streams.local import ports
from streams.local.workspace import Workspace

CLEAN: dict[str, Any] = dict.fromkeys(("lost", "unexpected", "stored_twice", "forged_accepted"), 0) | {
    "count_mismatches": [],
    "activities": {"lost": 0},
    "segments": {"oracle_mismatches": 0, "misnumbered": 0},
}


def refuse(**changes: Any) -> str:
    given: dict[str, Any] = {
        "for_": "5s", "rate": 100.0, "seed": 7, "scenario": "healthy", "headless": True, "json_path": None,
        "environ": {}, "console": Console(file=io.StringIO()),
    }  # fmt: skip
    with pytest.raises(Misconfigured) as caught:
        demo.run(**{**given, **changes})
    return str(caught.value)


def test_an_unknown_scenario_is_refused_with_the_nearest_and_all_names() -> None:
    text = refuse(scenario="bad_list")
    assert "no scenario 'bad_list'; did you mean bad-list?" in text
    assert "healthy, bad-list, blocked-ip, flaky" in text


def test_a_report_file_in_a_missing_folder_is_refused_before_the_start(tmp_path: Path) -> None:
    text = refuse(json_path=tmp_path / "missing" / "report.json")
    assert "--json" in text
    assert "No such file or directory" in text


def test_a_folder_as_report_file_is_refused_before_the_start(tmp_path: Path) -> None:
    assert "Is a directory" in refuse(json_path=tmp_path)


def test_a_refused_command_leaves_no_report_file_behind(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    refuse(json_path=path, environ={"MAILWEIR_GATEWAY_PORT": "lots"})
    assert not path.exists()


@pytest.mark.parametrize("rate", [0.0, -5.0, 1e9, float("nan")])
def test_an_impossible_rate_is_refused(rate: float) -> None:
    assert "--rate" in refuse(rate=rate)


def test_a_duration_that_is_none_is_refused() -> None:
    assert "--for: 'soon' is no duration" in refuse(for_="soon")


def test_a_port_somebody_asked_for_and_that_is_taken_is_refused() -> None:
    with socket.create_server((ports.LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        text = refuse(environ={"MAILWEIR_CONSOLE_PORT": str(port)})
    assert f"port {port}" in text
    assert "MAILWEIR_CONSOLE_PORT" in text


@pytest.mark.parametrize("name", ["lost", "unexpected", "stored_twice", "forged_accepted"])
def test_a_run_that_lost_or_made_up_events_has_failed(name: str) -> None:
    assert not demo.has_failed(CLEAN, is_complete=True)
    assert demo.has_failed({**CLEAN, name: 1}, is_complete=False)
    assert demo.has_failed({**CLEAN, "activities": {"lost": 1}}, is_complete=False)


@pytest.mark.parametrize(
    "wrong",
    [
        {"count_mismatches": [{"table": "email_events"}]},
        {"segments": {"oracle_mismatches": 1, "misnumbered": 0}},
        {"segments": {"oracle_mismatches": 0, "misnumbered": 1}},
    ],
)
def test_wrong_counts_and_members_fail_a_complete_run_only(wrong: dict[str, Any]) -> None:
    report = {**CLEAN, **wrong}
    assert demo.has_failed(report, is_complete=True)
    assert not demo.has_failed(report, is_complete=False)


def test_up_without_a_configuration_file_says_which_and_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "mailweir.yaml"
    with pytest.raises(Misconfigured, match="no such file; write one"):
        up.run(data=tmp_path / "data", environ={"MAILWEIR_CONFIG": str(path)})
    assert not (tmp_path / "data").exists()


def test_up_in_a_folder_that_another_stack_uses_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "mailweir.yaml"
    config.write_text("sources: []\n")
    with Workspace(tmp_path / "data"), pytest.raises(Misconfigured, match="in use by another running stack"):
        up.run(data=tmp_path / "data", environ={"MAILWEIR_CONFIG": str(config)})


def test_servers_named_in_the_environment_take_the_place_of_local_ones() -> None:
    environ = {"MAILWEIR_KAFKA": "kafka.example:9092", "MAILWEIR_CLICKHOUSE": "https://store.example:8443"}
    plan = up.plan_of(load_settings(environ), environ)
    assert (plan.kafka, plan.clickhouse) == ("kafka.example:9092", "https://store.example:8443")


def test_without_servers_in_the_environment_everything_is_local() -> None:
    plan = up.plan_of(load_settings({}), {})
    assert (plan.kafka, plan.clickhouse) == ("", "")
    assert plan.preferred["gateway_port"] == 8610
    assert plan.preferred["console_port"] == 8600
    assert plan.fixed == frozenset()


def test_a_chdb_folder_cannot_be_shared_by_the_services_of_up() -> None:
    environ = {"MAILWEIR_CLICKHOUSE": "chdb:///srv/store"}
    with pytest.raises(Misconfigured, match="cannot be shared by several processes"):
        up.plan_of(load_settings(environ), environ)
