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
from schemas.events import EmailEvent, EventType
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


def by_fastavro(record: EmailEvent) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(plain(schema_of(EmailEvent))), dataclasses.asdict(record))
    return out.getvalue()


def event(**fields: Any) -> EmailEvent:
    usual: dict[str, Any] = {
        "event_id": "e", "tenant": "t", "source": "s", "provider": "p", "event_type": EventType.OPENED,
        "occurred_at": 1, "received_at": 2,
    }  # fmt: skip
    return EmailEvent(**{**usual, **fields})


# Values that are equal or nearly so, long ones that are not remembered, and neighbours that could run together.
ALIKE: list[dict[str, Any]] = [
    {"campaign_id": "a", "variant_id": "b"}, {"campaign_id": "ab"}, {"variant_id": "ab"},
    {"campaign_id": "x" * 600}, {"campaign_id": "x" * 601}, {"subject": "\u00e9\u4e2d"}, {"recipient": "\u00e9@\u4e2d"},
    {"tags": []}, {"tags": [""]}, {"tags": ["a", "b"]}, {"tags": ["ab"]}, {"tags": ["a" * 600]},
    {"bounce_confidence": 0.0}, {"bounce_confidence": -0.0}, {"bounce_confidence": 1.0}, {"attempt": 1},
    {"event_type": EventType.CLICKED}, {"event_type": "clicked"}, {"smtp_code": 550}, {"raw_offset": 2**62},
    {"smtp_response": "r" * 9000}, {"raw_index": 9000}, {"occurred_at": -1},
]  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(order=st.permutations(ALIKE))
def test_what_was_encoded_before_changes_nothing(order: list[dict[str, Any]]) -> None:
    encode = compile_encoder(schema_of(EmailEvent))
    for fields in [*order, *order]:
        record = event(**fields)
        assert encode(record) == by_fastavro(record)


def test_more_values_than_are_remembered_are_encoded_right() -> None:
    encode = compile_encoder(schema_of(EmailEvent))
    for number in [*range(5000), *range(5000)]:
        record = event(occurred_at=number, campaign_id=f"c{number}", subject=f"s{number}")
        assert f"c{number}".encode() in encode(record)
    assert encode(record) == by_fastavro(record)


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
