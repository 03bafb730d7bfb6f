"""Batches into inserts: what is passed over, what is refused, and under which tokens parts are sent."""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import Any, cast

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

from schemas.avro import VERSIONS, Codec
from schemas.errors import FailureCode, Transient
from schemas.remediation import Decision, Outcome, Ruling
from schemas.reports import StandingReport
from schemas.topics import VERDICTS
from sinks.batches import Batch, Bounds, Entry, Partition
from sinks.loader import CONTROL, Loader, Refusal
from sinks.tables import TABLES
from tests.native_rows import rows_of

CODEC = Codec()
SPEC = next(spec for spec in TABLES if spec.record is Outcome)


def outcome(number: int) -> bytes:
    return CODEC.encode(
        Outcome(
            outcome_id=f"o{number}", decision_id="d", tenant="t", kind="ip", key="k", action="alert", source="s",
            driver="none", status="done", attempt=number, http_status=200, detail="", executed_at=1,
        )
    )  # fmt: skip


def batch(*values: bytes | None) -> Batch:
    entries = [Entry(number, 1, value) for number, value in enumerate(values)]
    return Batch(Partition("t", 0), "id", Bounds(0, len(entries) - 1), entries)


class Store:
    """Takes inserts like the real one: all rows of a block or none of them."""

    def __init__(self, refuses: tuple[int, ...] = (), code: int = 469) -> None:
        self.rows: dict[str, list[int]] = {}
        self.sizes: list[int] = []
        self._refuses = refuses
        self._code = code

    def raw_insert(self, table: str, *, column_names: Any, insert_block: bytes, fmt: str, settings: Any) -> None:
        assert (table, fmt, settings["async_insert"], settings["insert_deduplicate"]) == ("outcomes", "Native", 0, 1)
        rows = rows_of(insert_block)
        assert all(tuple(row) == column_names for row in rows)
        attempts = [row["attempt"] for row in rows]
        self.sizes.append(len(attempts))
        if set(self._refuses) & set(attempts):
            raise DatabaseError("refused", code=self._code)
        self.rows.setdefault(settings["insert_deduplication_token"], attempts)

    def stored(self) -> list[int]:
        return sorted(attempt for rows in self.rows.values() for attempt in rows)

    def query(self, sql: str, parameters: Any, settings: Any) -> Any:
        """Rows of (tenant, decision, outcome, newest attempt) for the keys asked about."""
        assert "FROM outcomes WHERE (tenant, decision_id, outcome_id) IN" in sql
        held = {("t", "d", f"o{number}") for number in self.stored()}
        return SimpleNamespace(result_rows=[(*key, int(key[2][1:])) for key in parameters["keys"] if key in held])


def load(store: Any, wanted: Batch, *, is_repeat: bool = False) -> list[Refusal]:
    loader = Loader(cast("Client", store), CODEC)
    return loader.load(SPEC, wanted, loader.sort(SPEC, wanted), is_repeat=is_repeat)


def test_one_insert_carries_the_whole_batch_under_its_token() -> None:
    store = Store()
    assert load(store, batch(*map(outcome, range(5)))) == []
    assert store.rows == {"t@id:0:0-4:v1": [0, 1, 2, 3, 4]}


def test_a_repeat_whose_rows_are_there_sends_nothing_more() -> None:
    store = Store()
    wanted = batch(*map(outcome, range(5)))
    load(store, wanted)
    load(store, wanted, is_repeat=True)
    assert store.rows == {"t@id:0:0-4:v1": [0, 1, 2, 3, 4]}


def test_a_repeat_sends_what_the_store_noted_and_lost_under_another_token() -> None:
    store = Store(refuses=(2,))
    store.rows = {"t@id:0:0-4:v1.0": [], "t@id:0:0-4:v1.1.1": [3, 4]}  # as after a kill in the first half
    refused = load(store, batch(*map(outcome, range(5))), is_repeat=True)
    assert [r.entry.offset for r in refused] == [2]
    assert store.stored() == [0, 1, 3, 4]
    assert store.rows["t@id:0:0-4:v1:lost0"] == [0, 1]


def test_the_last_turn_is_looked_at_before_anything_is_said_to_be_wrong(caplog: pytest.LogCaptureFixture) -> None:
    store = Store()
    store.rows = {f"t@id:0:0-0:v1{turn}": [] for turn in ("", ":lost0", ":lost1")}  # killed in each of them
    load(store, batch(outcome(1)), is_repeat=True)
    assert store.stored() == [1]
    assert "does not show them" not in caplog.text


def test_a_store_that_never_shows_what_it_takes_is_asked_a_bounded_number_of_times(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Forgetful(Store):
        def stored(self) -> list[int]:
            return []

    store = Forgetful()
    load(store, batch(outcome(1)), is_repeat=True)
    assert len(store.sizes) == 4
    assert "does not show them" in caplog.text


def test_control_records_and_tombstones_are_no_rows_and_no_faults() -> None:
    ids = [version.schema_id for version in VERSIONS if version.record in CONTROL]
    controls = [None, *(struct.pack(">bI", 0, number) + b"body" for number in ids)]
    loader = Loader(cast("Client", Store()), CODEC)
    found = loader.sort(SPEC, batch(*controls))
    assert (found.is_silent, found.skipped) == (True, 1 + len(CONTROL))


def test_what_joins_the_verdicts_for_the_desk_is_no_row_and_no_fault() -> None:
    ruling = Ruling(ruling_id="r", tenant="acme", decision_id="d", verb="approve", who="ada", why="known", ruled_at=1)
    report = StandingReport(
        event_id="e", tenant="acme", source="s", provider="snds", received_at=1, metric="trap_hits", value=3
    )
    spec = next(spec for spec in TABLES if spec.topic is VERDICTS)
    found = Loader(cast("Client", Store()), CODEC).sort(spec, batch(CODEC.encode(ruling), CODEC.encode(report)))
    assert (found.is_silent, found.skipped) == (True, 2)


def test_foreign_values_and_records_of_another_topic_are_refused_and_the_rest_goes_in() -> None:
    names = ("decision_id", "tenant", "kind", "key", "action", "mode", "level", "previous_level", "reason", "evidence")
    fields: dict[str, Any] = dict.fromkeys(names, "x")
    decision = CODEC.encode(Decision(**fields, policy_version="1"))
    store = Store()
    refused = load(store, batch(outcome(1), b"{}", decision, outcome(2)))
    assert [(r.entry.offset, r.code) for r in refused] == [(1, FailureCode.UNDECODABLE), (2, FailureCode.UNDECODABLE)]
    assert "expected Outcome" in refused[1].reason
    assert store.stored() == [1, 2]


def test_bodies_that_do_not_decode_are_set_aside_with_the_reason_and_the_rest_is_one_insert() -> None:
    store = Store()
    values = [outcome(n) for n in range(100)]
    values[40] = values[40][:-3]
    values[41] += b"more"
    refused = load(store, batch(*values))
    assert [(r.entry.offset, r.code) for r in refused] == [(40, FailureCode.UNDECODABLE), (41, FailureCode.UNDECODABLE)]
    assert "it ends too early" in refused[0].reason
    assert "it goes on after its last field" in refused[1].reason
    assert store.rows == {"t@id:0:0-99:v1": [n for n in range(100) if n not in {40, 41}]}


def test_a_batch_of_nothing_that_decodes_is_refused_without_an_insert() -> None:
    store = Store()
    assert len(load(store, batch(outcome(1)[:-3], outcome(2)[:5]))) == 2
    assert store.sizes == []


def test_what_only_the_store_refuses_is_found_by_halving_with_the_same_tokens_every_time() -> None:
    wanted = batch(*map(outcome, range(64)))
    first, again = Store(refuses=(13, 50)), Store(refuses=(13, 50))
    for store in (first, again):
        assert [r.entry.offset for r in load(store, wanted)] == [13, 50]
        assert store.stored() == [n for n in range(64) if n not in {13, 50}]
    assert first.rows == again.rows
    assert len(first.sizes) <= 2 * 2 * 7, "halving costs two inserts per level and bad record"


def test_a_memory_limit_is_waited_out() -> None:
    with pytest.raises(Transient):
        load(Store(refuses=(1,), code=241), batch(outcome(1), outcome(2)))


def test_a_store_that_is_away_is_no_reason_to_halve() -> None:
    class Away(Store):
        def raw_insert(self, table: str, **options: Any) -> None:
            raise OperationalError("Connection refused")

    with pytest.raises(Transient):
        load(Away(), batch(outcome(1), outcome(2)))
