"""The compiled encoder writes what fastavro writes, byte for byte."""

from __future__ import annotations

import dataclasses
import io
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.avro import VERSIONS, SchemaVersion, newest, schema_of
from schemas.encoding import compile_encoder, long
from tests.unit.schemas.test_avro import build, some


def plain(value: Any) -> Any:
    """The schema without logical types, which fastavro would turn into datetimes."""
    if isinstance(value, dict):
        return plain(value["type"]) if "logicalType" in value else {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("version", [newest(v.record) for v in VERSIONS], ids=lambda v: v.path.stem)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_it_writes_what_fastavro_writes(version: SchemaVersion, data: st.DataObject) -> None:
    schema = schema_of(version.record)
    record = build(version.record, data.draw(some(schema)))
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(plain(schema)), dataclasses.asdict(record))
    assert compile_encoder(schema)(record) == out.getvalue()


@pytest.mark.parametrize("number", [0, 1, -1, 63, 64, 8191, 8192, 2**31, -(2**31), 2**63 - 1, -(2**63)])
def test_longs_are_zigzag_coded(number: int) -> None:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, "long", number)
    assert long(number) == out.getvalue()


def test_a_number_beyond_64_bits_is_refused_rather_than_cut() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        long(2**63)


def test_a_schema_it_does_not_know_is_refused() -> None:
    with pytest.raises(TypeError, match="no encoder"):
        compile_encoder(
            {"type": "record", "name": "R", "fields": [{"name": "m", "type": {"type": "map", "values": "long"}}]}
        )
