"""`mailweir segments sql` and `preview`: what they print is right, and says what to do where it can't be."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from clickhouse_connect.driver.client import Client

from schemas.errors import Misconfigured
from schemas.events import ActivityEvent
from schemas.segments.rules import Segment
from sinks.clickhouse import connect
from sinks.migrate import apply_tables
from streams.commands.segments_sql import run_preview, run_sql
from tests.integration.backtest_cases import store_records
from tests.integration.store_process import StoreProcess

AT = 1_774_569_600_000
SKU = "it's \\ {p0:String}\n\t€"
BUYERS = Segment.model_validate(
    {"id": "buyers", "tenant": "acme", "event": {"name": "order_completed", "where": {"sku": {"in": [SKU, "x'y"]}}}}
)
OTHERS = Segment.model_validate({"id": "others", "tenant": "acme", "not": {"segment": "buyers"}})
RING = [
    Segment.model_validate({"id": "a", "tenant": "acme", "segment": "b"}),
    Segment.model_validate({"id": "b", "tenant": "acme", "segment": "a"}),
]


def order(number: int) -> ActivityEvent:
    return ActivityEvent(
        event_id=f"{number:032x}", tenant="acme", source="s", provider="shopify", activity="track",
        name="Order Completed", occurred_at=AT, received_at=AT, recipient_key=f"r{number:02}",
        properties=json.dumps({"sku": SKU if number < 12 else "another"}),
    )  # fmt: skip


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    found = StoreProcess(tmp_path_factory.mktemp("store"))
    found.start().close()
    yield found
    found.stop()


@pytest.fixture(scope="module")
def store(process: StoreProcess) -> Iterator[Client]:
    client = connect(process.url)
    apply_tables(client)
    store_records(client, [order(number) for number in range(13)])
    yield client
    client.close()


def preview(store: Client, id_: str, **options: Any) -> str:
    out = io.StringIO()
    assert run_preview(store, [BUYERS, OTHERS], id_, out, AT, **options) == 0
    return out.getvalue()


def test_a_preview_has_the_size_and_ten_recipients(store: Client) -> None:
    head, *keys, more = preview(store, "buyers").splitlines()
    assert head == "buyers: 12 recipients at 2026-03-27T00:00:00Z"
    assert keys == [f"  r{number:02}" for number in range(10)]
    assert more == "  and 2 more"
    assert preview(store, "others") == "others: 1 recipient at 2026-03-27T00:00:00Z\n  r12\n"


def test_a_preview_may_be_json(store: Client) -> None:
    found = json.loads(preview(store, "others", as_json=True))
    assert found == {
        "id": "others", "tenant": "acme", "at": "2026-03-27T00:00:00Z", "size": 1, "sample": ["r12"]
    }  # fmt: skip


def test_the_printed_statements_set_every_parameter_and_ask_the_same(store: Client, process: StoreProcess) -> None:
    out = io.StringIO()
    assert run_sql([BUYERS], "", out, AT) == 0
    comment, *lines = out.getvalue().splitlines()
    settings = [line for line in lines if line.startswith("SET param_")]
    assert comment == "-- Segment buyers, recipients at 2026-03-27T00:00:00Z"
    parameters = {}
    for line in settings:
        name, _, literal = line.removeprefix("SET param_").removesuffix(";").partition(" = ")
        parameters[name] = store.query(f"SELECT {literal}").result_rows[0][0]
    text = "\n".join(lines[len(settings) :]).removesuffix(";")
    query = {f"param_{name}": value for name, value in parameters.items()}
    answer = httpx.post(process.url, params=query, content=text, timeout=60).text.split()
    assert answer == [f"r{number:02}" for number in range(12)]


@pytest.mark.parametrize(
    ("segments", "id_", "sentence"),
    [
        ([], "", "no segment is there; name a file or folder with segments"),
        ([BUYERS, OTHERS], "", "more than one segment is meant; choose with --id one of buyers, others"),
        ([BUYERS, OTHERS], "buyer", "no segment has the id buyer; there are buyers, others"),
        (RING, "a", "the rule is too deep, or its segments name one another in a circle; take one of them out"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(segments: list[Segment], id_: str, sentence: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        run_sql(segments, id_, io.StringIO(), AT)
    assert str(caught.value) == sentence
