"""Every table agrees with the record it stores: columns, types, engine, and a sample that goes through.

One suite over `sinks.tables.TABLES`; a new table needs `tests/fixtures/tables/<table>.json`, a record with
every field set to something that is not its default.
"""

from __future__ import annotations

import dataclasses
import io
import json
import re
import struct
import typing
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fastavro
import pytest
from clickhouse_connect.driver.client import Client

from schemas.aggregates import Tick
from schemas.avro import VERSIONS, Codec
from schemas.errors import Misconfigured
from sinks.batches import Batch, Bounds, Entry, Partition
from sinks.clickhouse import connect
from sinks.loader import Loader
from sinks.migrate import apply_tables
from sinks.repeats import Repeats
from sinks.tables import TABLES, TableSpec
from sinks.tables.spec import registry

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures" / "tables"
VIEWS = {
    "events",
    "bounces",
    "activities",
    "partials",
    "scores",
    "scores_now",
    "campaign_summary",
    "verdict_log",
    "decision_log",
    "decision_states",
    "audit_trail",
    "failures",
    "authentication",
    "standing",
    "segment_list",
    "suppressed",
    "transitions",
    "segment_members",
    "journeys",
    "journey_runs",
    "recipient_profiles",
    "access_log",
}
TYPES = {str: "String", int: "Int", float: "Float64", bytes: "String"}
each_table = pytest.mark.parametrize("spec", TABLES, ids=lambda spec: spec.table)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    client = connect(f"chdb://{tmp_path_factory.mktemp('tables')}")
    apply_tables(client)
    yield client
    client.close()


@pytest.fixture(scope="module")
def filled(client: Client) -> Client:
    """The tables with every sample in them, twice under different tokens."""
    for spec in TABLES:
        for first in (0, 100):
            load(client, spec, [sample(spec), sample(spec)], first)
    return client


def sample(spec: TableSpec) -> Any:
    path = FIXTURES / f"{spec.table}.json"
    if not path.exists():
        pytest.fail(f"write {path.relative_to(ROOT)}: one {spec.record.__name__} as JSON, every field set")
    return made(spec.record, json.loads(path.read_text(encoding="utf-8")))


def made(record: type, fields: dict[str, Any]) -> Any:
    hints = typing.get_type_hints(record)
    for name, value in fields.items():
        inner = typing.get_args(hints[name])[:1]
        if hints[name] is bytes:
            fields[name] = value.encode()
        elif inner and dataclasses.is_dataclass(inner[0]):
            fields[name] = [made(inner[0], item) for item in value]  # type: ignore[arg-type]
    return record(**fields)


def load(client: Client, spec: TableSpec, records: list[Any], first: int = 0) -> None:
    codec = Codec()
    entries = [Entry(first + n, 1, codec.encode(record)) for n, record in enumerate(records)]
    batch = Batch(Partition(spec.topic.name, 0), "id", Bounds(first, first + len(entries) - 1), entries)
    loader = Loader(client, codec)
    assert loader.load(spec, batch, loader.sort(spec, batch)) == []


def columns(client: Client, table: str) -> dict[str, str]:
    where = "database = currentDatabase() AND table = {t:String}"
    sql = f"SELECT name, type FROM system.columns WHERE {where} ORDER BY position"
    return {name: kind for name, kind in client.query(sql, {"t": table}).result_rows}  # noqa: C416 - rows are sequences


def expected_type(hint: Any) -> str:
    """What a field's column must be, once LowCardinality and the width of integers are left out."""
    if typing.get_origin(hint) is typing.Annotated:
        return "DateTime64(3, 'UTC')"
    if typing.get_origin(hint) is list:
        inner = typing.get_args(hint)[0]
        if dataclasses.is_dataclass(inner):
            hints = typing.get_type_hints(inner, include_extras=True)
            fields = ", ".join(f"{f.name} {expected_type(hints[f.name])}" for f in dataclasses.fields(inner))
            return f"Array(Tuple({fields}))"
        return f"Array({expected_type(inner)})"
    return next(column for kind, column in TYPES.items() if issubclass(hint, kind))


def plain(column: str) -> str:
    return re.sub(r"LowCardinality\((\w+)\)", r"\1", re.sub(r"\bInt\d+", "Int", column)).replace("`", "")


@each_table
def test_the_columns_are_the_fields_of_the_record_in_their_order(client: Client, spec: TableSpec) -> None:
    found = columns(client, spec.table)
    hints = typing.get_type_hints(spec.record, include_extras=True)
    expected = {field.name: expected_type(hints[field.name]) for field in dataclasses.fields(spec.record)}
    assert list(found) == [*expected, "inserted_at"]
    assert {name: plain(found[name]) for name in expected} == expected


@each_table
def test_the_table_replaces_and_remembers_insert_tokens(client: Client, spec: TableSpec) -> None:
    sql = "SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = {t:String}"
    engine = client.query(sql, {"t": spec.table}).result_rows[0][0]
    assert engine.startswith("ReplacingMergeTree(")
    assert "non_replicated_deduplication_window = 10000" in engine


@each_table
def test_the_table_keeps_the_newest_version_of_each_key(client: Client, spec: TableSpec) -> None:
    sql = "SELECT engine_full, sorting_key FROM system.tables WHERE database = currentDatabase() AND name = {t:String}"
    engine, order = client.query(sql, {"t": spec.table}).result_rows[0]
    assert engine.startswith(f"ReplacingMergeTree({spec.version})")
    assert set(spec.key) <= set(order.split(", "))
    assert spec.time in order  # what else is in the order follows from the key


@each_table
def test_a_row_that_is_missing_or_older_is_found_and_no_other(filled: Client, spec: TableSpec) -> None:
    record, codec = sample(spec), Codec()
    name, value = spec.key[-1], getattr(record, spec.key[-1])
    other = dataclasses.replace(record, **{name: value + ("x" if isinstance(value, str) else 1)})
    newer = dataclasses.replace(record, **{spec.version: getattr(record, spec.version) + 1})
    entries = [Entry(at, 0, codec.encode(item)) for at, item in enumerate([record, other, newer])]
    missing = Repeats(filled, codec).missing(spec, entries)
    assert [entry.offset for entry in missing] == [1, 2]


@each_table
def test_the_sample_sets_every_field(spec: TableSpec) -> None:
    record = sample(spec)
    for field in dataclasses.fields(record):
        default = field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default
        assert getattr(record, field.name) not in (default, "", 0, []), f"{spec.table}.json: set {field.name}"


@each_table
def test_a_record_comes_out_as_it_went_in(filled: Client, spec: TableSpec) -> None:
    names = [field.name for field in dataclasses.fields(spec.record)]
    rows = filled.query(f"SELECT {', '.join(names)} FROM {spec.table} FINAL").result_rows
    assert len(rows) == 1, "the same record in two batches must be one row with FINAL"
    record = sample(spec)
    for name, value in zip(names, rows[0], strict=True):
        assert comparable(value) == comparable(getattr(record, name)), name


def comparable(value: Any) -> Any:
    """Record and row in the same words: times as milliseconds, nested records as plain mappings."""
    if isinstance(value, datetime):
        return round(value.replace(tzinfo=UTC).timestamp() * 1000)
    if isinstance(value, bytes):
        return value.decode()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return [comparable(item) for item in value] if isinstance(value, list) else value


def test_migrations_are_applied_once_and_a_dry_run_changes_nothing(client: Client) -> None:
    assert apply_tables(client) == []
    client.command("CREATE DATABASE IF NOT EXISTS dry ENGINE = Atomic")
    client.database = "dry"
    try:
        names = apply_tables(client, dry_run=True)
        assert len(names) >= len(TABLES)
        assert client.query("SELECT count() FROM system.tables WHERE database = 'dry'").result_rows == [(0,)]
        assert apply_tables(client) == names
    finally:
        client.database = "mailweir"


def test_an_applied_migration_that_was_changed_is_refused_with_what_to_do(client: Client, tmp_path: Path) -> None:
    for path in (ROOT / "sinks" / "migrations").glob("*.sql"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "002_email_events.sql").write_text("SELECT 1;", encoding="utf-8")
    with pytest.raises(Misconfigured, match="Restore the file"):
        apply_tables(client, folder=tmp_path)


def test_a_table_listed_twice_is_refused() -> None:
    with pytest.raises(Misconfigured, match="email_events is listed twice"):
        registry(TABLES[0], TABLES[0])


def test_campaign_summary_adds_partitions_and_takes_each_partitions_newest_count(client: Client) -> None:
    spec = next(spec for spec in TABLES if spec.table == "reputation_partials")
    base = dataclasses.replace(sample(spec), tenant="sums", kind="campaign", key="c", sent=0)
    rows = [(0, 10, 5), (0, 20, 8), (0, 15, 7), (1, 3, 100)]  # partition, applied offset, sent
    load(client, spec, [dataclasses.replace(base, partition=p, applied_offset=o, sent=s) for p, o, s in rows], 500)
    sql = "SELECT campaign_id, sent FROM campaign_summary WHERE tenant = 'sums'"
    assert client.query(sql).result_rows == [("c", 108)]


def test_scores_now_shows_the_newest_version_of_a_key(client: Client) -> None:
    spec = next(spec for spec in TABLES if spec.table == "reputation_scores")
    base = dataclasses.replace(sample(spec), tenant="newest")
    load(
        client, spec, [dataclasses.replace(base, version=v, score=s) for v, s in [(1, 90.0), (3, 40.0), (2, 60.0)]], 600
    )
    assert client.query("SELECT version, score FROM scores_now WHERE tenant = 'newest'").result_rows == [(3, 40.0)]
    assert client.query("SELECT count() FROM scores WHERE tenant = 'newest'").result_rows == [(3,)]


def test_decision_log_shows_a_decision_before_it_has_an_outcome(filled: Client) -> None:
    spec = next(spec for spec in TABLES if spec.table == "decisions")
    load(filled, spec, [dataclasses.replace(sample(spec), decision_id="alone", tenant="log")], 700)
    rows = filled.query("SELECT decision_id, status FROM decision_log ORDER BY tenant = 'log'").result_rows
    assert rows == [(sample(spec).decision_id, "done"), ("alone", "")]


def test_a_decision_of_the_first_version_is_stored_with_the_whole_rate(client: Client) -> None:
    spec = next(spec for spec in TABLES if spec.table == "decisions")
    first = next(version for version in VERSIONS if version.record is spec.record and version.version == 1)
    fields = json.loads((FIXTURES / "decisions.json").read_text(encoding="utf-8")) | {"decision_id": "v1"}
    body = io.BytesIO()
    fastavro.schemaless_writer(body, json.loads(first.path.read_text(encoding="utf-8")), fields)
    old = Entry(800, 1, struct.pack(">bI", 0, first.schema_id) + body.getvalue())
    new = Entry(801, 1, Codec().encode(dataclasses.replace(sample(spec), decision_id="v2", reverts="")))
    batch = Batch(Partition(spec.topic.name, 0), "id", Bounds(800, 801), [old, new])
    loader = Loader(client, Codec())
    assert loader.load(spec, batch, loader.sort(spec, batch)) == []
    sql = "SELECT decision_id, share, cause FROM decisions WHERE decision_id IN ('v1', 'v2') ORDER BY decision_id"
    assert client.query(sql).result_rows == [("v1", 1.0, ""), ("v2", 0.5, "bounces")]


def test_segment_members_are_those_whose_newest_transition_is_an_entry(client: Client) -> None:
    spec = next(spec for spec in TABLES if spec.table == "segment_transitions")
    told = [("a", 1, 5), ("a", 0, 6), ("b", 0, 7), ("b", 1, 8), ("c", 1, 9), ("c", 0, 9), ("d", 0, 9), ("d", 1, 9)]
    records = [
        dataclasses.replace(
            sample(spec), tenant="members", recipient_key=who, is_member=is_member, detected_at=at, effective_at=at,
            number=number, transition_id=f"{number}",
        )
        for number, (who, is_member, at) in enumerate(told, start=1)
    ]  # fmt: skip
    for first in (900, 950):
        load(client, spec, records[::-1], first)
    sql = "SELECT recipient_key FROM segment_members WHERE tenant = 'members' ORDER BY recipient_key"
    assert client.query(sql).result_rows == [("b",), ("d",)]
    assert client.query("SELECT count() FROM transitions WHERE tenant = 'members'").result_rows == [(8,)]


def test_the_clock_among_the_verdicts_is_no_row(client: Client) -> None:
    spec = next(spec for spec in TABLES if spec.table == "verdicts")
    batch = Batch(
        Partition(spec.topic.name, 0), "id", Bounds(0, 0), [Entry(0, 1, Codec().encode(Tick(at=1, writer="w")))]
    )
    assert Loader(client, Codec()).sort(spec, batch).is_silent


@dataclasses.dataclass(frozen=True, kw_only=True)
class Told:
    """What the log says of a decision, and the state that follows from it."""

    state: str
    mode: str = "act"
    statuses: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()  # one minute apart, by a person named like the verb
    back: tuple[str, ...] | None = None  # outcomes of the decision that takes it back, None without one
    who: str = ""


STATES = [
    Told(state="open"),
    Told(state="waiting", mode="approve"),
    Told(state="waiting", mode="approve", statuses=("waiting",)),
    Told(state="approved", mode="approve", statuses=("waiting",), verbs=("approve",), who="approve"),
    Told(state="rejected", mode="approve", statuses=("waiting",), verbs=("reject",), who="reject"),
    Told(state="rejected", mode="approve", verbs=("reject", "approve"), who="reject"),
    Told(state="rejected", mode="approve", statuses=("rejected",), verbs=("reject",), who="reject"),
    Told(state="expired", mode="approve", statuses=("rejected",)),
    Told(state="expired", mode="approve", statuses=("rejected",), verbs=("approve",), who="approve"),
    Told(state="done", statuses=("done",)),
    Told(state="done", statuses=("done",), verbs=("approve",), who="approve"),
    Told(state="failed", statuses=("done", "failed")),
    Told(state="done", statuses=("done", "unsupported")),
    Told(state="dry_run", statuses=("dry_run",)),
    Told(state="suggested", statuses=("suggested",)),
    Told(state="unsupported", statuses=("unsupported",)),
    Told(state="reverting", statuses=("done",), verbs=("approve", "revert"), who="revert"),
    Told(state="reverting", statuses=("done",), verbs=("revert",), back=(), who="revert"),
    Told(state="reverted", statuses=("done",), verbs=("revert",), back=("done",), who="revert"),
    Told(state="revert_failed", statuses=("done",), verbs=("revert",), back=("failed",), who="revert"),
]


def test_the_state_of_a_decision_follows_from_what_was_said_and_done(client: Client) -> None:
    specs = {spec.table: spec for spec in TABLES}
    decision, outcome, ruling = (sample(specs[name]) for name in ("decisions", "outcomes", "rulings"))
    held: dict[str, list[Any]] = {"decisions": [], "outcomes": [], "rulings": []}
    for number, told in enumerate(STATES):
        name = f"{number:02}"
        told_of = [(name, told.mode, "", told.statuses)]
        told_of += [] if told.back is None else [(f"{name}-back", "act", name, told.back)]
        for id_, mode, reverts, statuses in told_of:
            held["decisions"].append(
                dataclasses.replace(decision, tenant="states", decision_id=id_, mode=mode, reverts=reverts)
            )
            held["outcomes"] += [
                dataclasses.replace(outcome, tenant="states", decision_id=id_, outcome_id=f"{id_}{n}", status=status)
                for n, status in enumerate(statuses)
            ]
        held["rulings"] += [
            dataclasses.replace(
                ruling, tenant="states", decision_id=name, ruling_id=f"{name}{verb}", verb=verb, who=verb, ruled_at=at
            )
            for at, verb in enumerate(told.verbs, start=1)
        ]
    for table, records in held.items():
        load(client, specs[table], records, 2_000)
    sql = (
        "SELECT state, who FROM decision_states WHERE tenant = 'states' AND NOT endsWith(decision_id, 'back')"
        " ORDER BY decision_id"
    )
    assert client.query(sql).result_rows == [(told.state, told.who) for told in STATES]


def test_a_tenants_ruling_says_nothing_of_another_tenants_decision(client: Client) -> None:
    specs = {spec.table: spec for spec in TABLES}
    decision = dataclasses.replace(sample(specs["decisions"]), tenant="one", decision_id="same", reverts="")
    ruling = dataclasses.replace(sample(specs["rulings"]), tenant="two", decision_id="same")
    load(client, specs["decisions"], [decision], 3_000)
    load(client, specs["rulings"], [ruling], 3_000)
    assert client.query("SELECT state, who FROM decision_states WHERE tenant = 'one'").result_rows == [("waiting", "")]


def examples() -> list[str]:
    texts = [(ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("tables.md", "approvals.md")]
    return [sql for text in texts for sql in re.findall(r"```sql\n(.*?)```", text, re.DOTALL)]


@pytest.mark.parametrize("sql", examples(), ids=lambda sql: " ".join(sql.split())[:40])
def test_every_example_of_the_documentation_runs_and_finds_something(filled: Client, sql: str) -> None:
    assert filled.query(sql).result_rows, "the example finds nothing in the samples"


def test_every_table_and_view_is_documented_with_an_example(client: Client) -> None:
    page = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
    sql = "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'View'"
    assert {name for (name,) in client.query(sql).result_rows} == VIEWS
    for name in VIEWS | {spec.table for spec in TABLES} | {"sink_batches"}:
        assert f"`{name}`" in page, f"docs/tables.md does not describe {name}"
    for view in VIEWS:
        assert any(re.search(rf"\b{view}\b", sql) for sql in examples()), f"docs/tables.md has no example for {view}"


def test_an_event_that_comes_twice_within_one_batch_counts_once(client: Client) -> None:
    spec = next(spec for spec in TABLES if spec.table == "email_events")
    event = dataclasses.replace(sample(spec), event_id="twice-in-one-batch")
    client.command("SYSTEM STOP MERGES email_events")  # the view must not depend on a merge that has happened
    try:
        load(client, spec, [event, event], 900)
        sql = "SELECT count() FROM events WHERE event_id = 'twice-in-one-batch'"
        assert client.query(sql).result_rows == [(1,)]
    finally:
        client.command("SYSTEM START MERGES email_events")
