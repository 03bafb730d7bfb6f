"""Records survive Avro, and old and new schema versions read each other."""

from __future__ import annotations

import copy
import dataclasses
import io
import json
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import avro
from schemas.aggregates import Emulation, Penalty, Signal
from schemas.avro import VERSIONS, Codec, newest, schema_of
from schemas.envelope import Header
from schemas.errors import FailureCode, Permanent
from schemas.events import EmailEvent
from schemas.remediation import Decision

CODEC = Codec()
_VALUES: dict[Any, st.SearchStrategy[Any]] = {
    "string": st.text(),
    "long": st.integers(-(2**63), 2**63 - 1),
    "double": st.floats(allow_nan=False),
    "boolean": st.booleans(),
    "bytes": st.binary(),
}


def some(schema: Any) -> st.SearchStrategy[Any]:
    """Values of an Avro type; records as dictionaries."""
    if isinstance(schema, dict) and schema["type"] == "record":
        return st.fixed_dictionaries({field["name"]: some(field["type"]) for field in schema["fields"]})
    if isinstance(schema, dict) and schema["type"] == "array":
        return st.lists(some(schema["items"]), max_size=3)
    return _VALUES[schema["type"] if isinstance(schema, dict) else schema]


def build(record: type, fields: dict[str, Any]) -> Any:
    lists = (("penalties", Penalty), ("signals", Signal), ("emulations", Emulation), ("headers", Header))
    for name, inner in lists:
        if name in fields:
            fields[name] = [inner(**item) for item in fields[name]]
    return record(**fields)


@pytest.mark.parametrize("version", [newest(v.record) for v in VERSIONS], ids=lambda v: v.path.stem)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_every_record_comes_back_from_avro_as_it_went_in(version: avro.SchemaVersion, data: st.DataObject) -> None:
    record = build(version.record, data.draw(some(schema_of(version.record))))
    assert CODEC.decode(CODEC.encode(record), version.record) == record


@pytest.mark.parametrize("version", VERSIONS, ids=lambda v: v.path.stem)
def test_the_newest_snapshot_is_the_schema_of_the_record_today(version: avro.SchemaVersion) -> None:
    assert version.path.exists(), f"{version.path} is missing: run schemas.avro.write_snapshots()"
    if version is newest(version.record):
        stored = json.loads(version.path.read_text(encoding="utf-8"))
        assert stored == schema_of(version.record), "fields changed: add a version to VERSIONS and write its snapshot"


def test_schema_ids_are_never_used_twice() -> None:
    ids = [version.schema_id for version in VERSIONS]
    assert len(ids) == len(set(ids))


def test_an_old_writers_record_gets_the_default_of_a_field_added_since() -> None:
    old = copy.deepcopy(schema_of(Decision))
    old["fields"] = [field for field in old["fields"] if field["name"] != "sources"]
    decision = Decision(
        decision_id="d", tenant="t", kind="campaign", key="k", action="alert", mode="act", level="watch",
        previous_level="healthy", reason="r", evidence="{}", policy_version="1", sources=["was-not-there-yet"],
    )  # fmt: skip
    fields = {item.name: getattr(decision, item.name) for item in dataclasses.fields(decision)}
    del fields["sources"]
    body = io.BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(old), fields)
    read = fastavro.schemaless_reader(io.BytesIO(body.getvalue()), old, schema_of(Decision))
    assert isinstance(read, dict)
    assert read["sources"] == []
    assert read["decision_id"] == "d"


def test_a_new_writers_extra_field_is_skipped_by_an_old_reader() -> None:
    new = copy.deepcopy(schema_of(Decision))
    new["fields"].insert(3, {"name": "added_later", "type": "string", "default": ""})
    fields = {field["name"]: field.get("default", "x") for field in new["fields"]}
    fields.update(added_later="surprise", as_of=0, first_signal_at=0, decided_at=0)
    body = io.BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(new), fields)
    read = fastavro.schemaless_reader(io.BytesIO(body.getvalue()), new, schema_of(Decision))
    assert isinstance(read, dict)
    assert "added_later" not in read
    assert read["kind"] == "x"


@pytest.mark.parametrize("version", VERSIONS, ids=lambda v: v.path.stem)
def test_every_field_added_after_the_first_version_has_a_default(version: avro.SchemaVersion) -> None:
    first = min((v for v in VERSIONS if v.record is version.record), key=lambda v: v.version)
    known = {field["name"] for field in json.loads(first.path.read_text(encoding="utf-8"))["fields"]}
    later = [field for field in schema_of(version.record)["fields"] if field["name"] not in known]
    assert [field["name"] for field in later if "default" not in field] == []


@pytest.mark.parametrize(
    "value", [b"", b"\x00", b"\x01\x00\x00\x00\x02abc", b"\x00\x00\x00\xff\xffabc", b"\x00\x00\x00\x00\x02abc"]
)
def test_foreign_bytes_are_undecodable_and_say_so(value: bytes) -> None:
    with pytest.raises(Permanent) as caught:
        CODEC.decode(value, EmailEvent)
    assert caught.value.code is FailureCode.UNDECODABLE


def test_a_registrys_ids_are_the_ones_on_the_wire() -> None:
    codec = Codec({version: version.schema_id + 100 for version in VERSIONS})
    decision = Decision(
        decision_id="d", tenant="t", kind="k", key="k", action="a", mode="m", level="l", previous_level="p", reason="",
        evidence="", policy_version="",
    )  # fmt: skip
    value = codec.encode(decision)
    assert int.from_bytes(value[1:5], "big") == newest(Decision).schema_id + 100
    assert codec.decode(value, Decision) == decision
