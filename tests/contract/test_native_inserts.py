"""For every table and every version of its record: the rows are those that ClickHouse itself reads from the Avro."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterator
from typing import Any

import fastavro
import pytest
from clickhouse_connect.driver.client import Client

from schemas.avro import VERSIONS, SchemaVersion
from sinks.clickhouse import connect
from sinks.loader import SETTINGS
from sinks.migrate import apply_tables
from sinks.tables import TABLES, TableSpec
from streams.core.native import native, program_of

CASES = [(spec, version) for spec in TABLES for version in VERSIONS if version.record is spec.record]
TEXTS = ("", "a", "ä€\U0001f600", "\x00", "'\\\n\t", "x" * 63, "x" * 64, "x" * 127, "x" * 128, "x" * 20_000)
NUMBERS = (0, 1, -1, 63, 64, -65, 2**31 - 1, -(2**31), 2**31, -(2**31) - 1, 2**40 + 7, 2**63 - 1, -(2**63))
REALS = (0.0, -0.0, 1.5, -1e308, 5e-324, float("inf"))
NOW = 1_760_000_000_000
ROWS = 60


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    client = connect(f"chdb://{tmp_path_factory.mktemp('native')}")
    apply_tables(client)
    yield client
    client.close()


def made(avro: Any, dice: random.Random) -> Any:
    """Something of an Avro type, with what is on the edge far more often than in life."""
    if isinstance(avro, dict):
        if "logicalType" in avro:
            return dice.choice((0, NOW, NOW + dice.randrange(10**9)))
        if avro["type"] == "array":
            return [made(avro["items"], dice) for _ in range(dice.choice((0, 0, 1, 3, 130)))]
        return {field["name"]: made(field["type"], dice) for field in avro["fields"]}
    return {
        "string": dice.choice(TEXTS),
        "bytes": dice.choice((b"", b"\xff\x00\xfe", dice.randbytes(300))),
        "long": dice.choice((*NUMBERS, dice.randrange(-1000, 1000))),
        "double": dice.choice((*REALS, dice.random())),
    }[avro]


@pytest.mark.parametrize(("spec", "version"), CASES, ids=lambda case: getattr(case, "table", None))
def test_the_rows_are_those_that_the_store_reads_from_the_same_records_as_avro(
    client: Client, spec: TableSpec, version: SchemaVersion
) -> None:
    text = version.path.read_text(encoding="utf-8")
    schema, dice = fastavro.parse_schema(json.loads(text)), random.Random(f"{version}")
    records = [made(json.loads(text), dice) for _ in range(ROWS)]
    values = [bytes(5) + body(schema, record) for record in records]
    whole = io.BytesIO()
    fastavro.writer(whole, schema, records)
    block = native(version, values)
    assert block.broken == {}
    found = []
    for form, data in (("Avro", whole.getvalue()), ("Native", block.data)):
        table = f"{spec.table}_{version.version}_{form}"
        client.command(f"CREATE TABLE {table} AS {spec.table} ENGINE = MergeTree ORDER BY tuple()")
        client.raw_insert(table, program_of(version).names, data, settings=SETTINGS, fmt=form)
        rows = client.raw_query(f"SELECT * EXCEPT inserted_at FROM {table}", fmt="TSVWithNamesAndTypes")
        found.append(sorted(rows.split(b"\n")))
    assert len(found[0]) == ROWS + 3
    assert found[1] == found[0]


def body(schema: Any, record: Any) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, record)
    return out.getvalue()
