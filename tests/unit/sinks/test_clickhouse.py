"""Addresses that are wrong, and the engine's errors sorted by what to do next."""

from __future__ import annotations

import subprocess
import sys

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

from schemas.errors import FailureCode, Misconfigured, Permanent, Transient
from sinks.clickhouse import DATA_CODES, OPERATOR_CODES, connect, translate


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("tcp://db:9000", "http://host:8123"),
        ("localhost:8123", "http://host:8123"),
        ("", "http://host:8123"),
        ("http://ann:secret@db:8123", "MAILWEIR_CLICKHOUSE_PASSWORD"),
        ("http://", "names no host"),
        ("chdb://", "names no folder"),
        ("chdb://relative/path", "names no folder"),
    ],
)
def test_a_wrong_address_is_refused_with_what_to_write(url: str, says: str) -> None:
    with pytest.raises(Misconfigured, match=says) as caught:
        connect(url)
    assert "secret" not in str(caught.value)


def test_a_server_that_is_away_is_transient_and_named() -> None:
    with pytest.raises(Transient, match=r"127\.0\.0\.1:1: connection refused; is the store running"):
        connect("http://127.0.0.1:1")


def test_data_faults_are_permanent_and_operator_faults_say_what_to_do() -> None:
    refused = translate(DatabaseError("no", code=469), "inserting")
    assert isinstance(refused, Permanent)
    assert refused.code is FailureCode.STORE_REFUSED
    missing = translate(DatabaseError("unknown table", code=60), "inserting")
    assert isinstance(missing, Misconfigured)
    assert "mailweir tables apply" in str(missing)


def test_what_is_not_known_is_tried_again() -> None:
    assert isinstance(translate(DatabaseError("?", code=999), "x"), Transient)
    assert isinstance(translate(OperationalError("Read timed out"), "x"), Transient)
    assert isinstance(translate(DatabaseError("limit", code=241), "x"), Transient)


def test_no_code_means_two_things() -> None:
    assert not DATA_CODES & set(OPERATOR_CODES)


def test_a_long_message_of_the_engine_is_cut() -> None:
    assert len(str(translate(DatabaseError("x" * 10_000, code=6), "inserting"))) < 400


def test_an_insert_does_not_import_data_frames() -> None:
    code = """
import sys
import sinks.clickhouse
from clickhouse_connect.datatypes.registry import get_from_name
from clickhouse_connect.driver.insert import InsertContext
InsertContext("t", ["a"], [get_from_name("String")], [["x"]])
print(*sys.modules)
"""
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "clickhouse_connect.driver.insert" in loaded
    assert not {"pandas", "pyarrow", "polars"} & set(loaded)
