"""The views of journeys: each step once, each run as one row."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from clickhouse_connect.driver.client import Client

from schemas.journeys.steps import StepKind
from sinks.clickhouse import connect
from sinks.migrate import apply_tables
from sinks.tables import journey_steps
from tests.contract.test_tables import load, sample


@pytest.fixture
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    client = connect(f"chdb://{tmp_path_factory.mktemp('journeys')}")
    apply_tables(client)
    yield client
    client.close()


def test_a_run_is_one_row_with_its_end_and_its_calls(client: Client) -> None:
    spec = journey_steps.TABLE
    told = [
        ("r1", 1, StepKind.ENTERED, ""),
        ("r1", 2, StepKind.CALLED, "crm"),
        ("r1", 3, StepKind.LEFT, "done"),
        ("r2", 1, StepKind.ENTERED, ""),
    ]
    records = [
        dataclasses.replace(
            sample(spec), tenant="runs", run_id=run, number=number, kind=kind, outcome=outcome, at=number
        )
        for run, number, kind, outcome in [*told, ("r3", 1, StepKind.REFUSED, "too_many")]
    ]
    for first in (1_000, 1_050):
        load(client, spec, records[::-1], first)
    sql = "SELECT run_id, steps, calls, ended FROM journey_runs WHERE tenant = 'runs' ORDER BY run_id"
    assert client.query(sql).result_rows == [("r1", 3, 1, "done"), ("r2", 1, 0, "")]
    assert client.query("SELECT count() FROM journeys WHERE tenant = 'runs'").result_rows == [(5,)]
