"""`mailweir journeys explain` tells the stored steps of a recipient, run by run, each once."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from schemas.errors import MailweirError
from schemas.journeys.files import load_journeys
from sinks.clickhouse import connect
from sinks.migrate import apply_tables
from streams.commands.journeys_explain import Asked, run_explain
from streams.core.journeys.along import Traveller
from streams.core.journeys.flows import Flows
from streams.core.journeys.recorded import recorded
from streams.core.segments.fact import Fact
from streams.core.segments.program import Program
from tests.integration.backtest_cases import store_records

T, HOUR = 1_774_569_600_000, 3_600_000
FLOWS = Flows(load_journeys([Path(__file__).parents[2] / "examples" / "journeys"]))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Client]:
    client = connect(f"chdb://{tmp_path / 'store'}")
    apply_tables(client)
    yield client
    client.close()


def told(store: Client, asked: Asked, *, as_json: bool = False, most: int = 50) -> str:
    out = io.StringIO()
    assert run_explain(store, asked, out, as_json=as_json, most=most) == 0
    return out.getvalue()


def fill(store: Client) -> None:
    traveller = Traveller(Program(FLOWS.rules), FLOWS, "ada")
    facts = [
        Fact(f"e{n}", name, T + n * HOUR, T + n * HOUR, {"cart_id": cart, "total": 50}, {})
        for n, (name, cart) in enumerate(
            [("checkout_started", "c1"), ("checkout_started", "c2"), ("order_completed", "c2")]
        )
    ]
    steps = [step for fact in facts for step in traveller.take(fact)] + traveller.advance(T + 3 * HOUR)
    records = recorded("default", "ada", steps)
    store_records(store, records)
    store_records(store, records[:3])
    store_records(store, recorded("default", "bob", steps))


def test_each_run_is_told_step_by_step_with_its_end_and_its_data(store: Client) -> None:
    fill(store)
    found = told(store, Asked(tenant="default", recipient_key="ada"))
    assert [" ".join(line.split(" (run")[0].split()) for line in found.splitlines()] == [
        'abandoned-cart "c1": left: done',
        "2026-03-27 00:00:00 entered by e0",
        "2026-03-27 02:00:00 waited time steps[0] by time",
        '2026-03-27 02:00:00 called crm steps[2] {"template":"cart-1"}',
        "2026-03-27 02:00:00 split 1 steps[3] by time",
        "2026-03-27 02:00:00 left done by time",
        "",
        'abandoned-cart "c2": left: exit_when',
        "2026-03-27 01:00:00 entered by e1",
        "2026-03-27 02:00:00 left exit_when by e2",
    ]


def test_as_json_it_is_a_list_of_runs_and_the_newest_are_kept(store: Client) -> None:
    fill(store)
    asked = Asked(tenant="default", recipient_key="ada", journey_id="abandoned-cart")
    runs = json.loads(told(store, asked, as_json=True))
    assert [len(run) for run in runs] == [5, 2]
    assert runs[1][0] == {**runs[1][0], "kind": "entered", "number": 1, "at": T + HOUR, "cause": "e1", "key": '"c2"'}
    assert [run[0]["key"] for run in json.loads(told(store, asked, as_json=True, most=1))] == ['"c2"']


def test_of_whom_nothing_is_stored_that_is_said(store: Client) -> None:
    fill(store)
    with pytest.raises(MailweirError, match="no step of the recipient eve of the tenant default on win-back is stored"):
        told(store, Asked(tenant="default", recipient_key="eve", journey_id="win-back"))
