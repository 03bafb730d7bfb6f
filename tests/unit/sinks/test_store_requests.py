"""What clients send to the store, as statements; and the Go driver's first question."""

from __future__ import annotations

import struct

import pytest

from schemas.errors import Rejected
from sinks.store.handshake import hello_block
from sinks.store.requests import Statement, read, with_source


def post(body: bytes = b"", **query: str) -> Statement:
    return read(method="POST", query=query, headers={}, body=body)


def test_a_statement_may_stand_in_the_address_or_in_the_body_or_begin_in_one() -> None:
    assert post(query="SELECT 1").sql == b"SELECT 1"
    assert post(b"SELECT 1").sql == b"SELECT 1"
    assert post(b"FROM x", query="SELECT 1").sql == b"SELECT 1\nFROM x"


def test_get_only_reads_and_so_does_readonly() -> None:
    assert read(method="GET", query={"query": "SELECT 1"}, headers={}, body=b"").is_readonly
    assert post(query="SELECT 1", readonly="2").is_readonly
    assert not post(query="SELECT 1").is_readonly


def test_settings_and_parameters_are_told_from_what_speaks_to_the_http_side() -> None:
    made = post(query="SELECT {x:Int32}", max_threads="1", param_x="4", database="d", session_id="s", compress="0")
    assert (made.settings, made.parameters, made.database) == ({"max_threads": "1"}, {"x": "4"}, "d")


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("INSERT INTO t (a, b) FORMAT Avro", b"Obj\x01\n\xff"),
        ("insert into t (a, b) format Avro", b"Obj\x01\n\xff"),
        ("", b"INSERT INTO t (a, b) FORMAT Avro\nObj\x01\n\xff"),
        ("", b"-- from a tool\n/* x */ INSERT INTO t (a, b) FORMAT Avro\nObj\x01\n\xff"),
    ],
)
def test_an_inserts_data_is_cut_off_untouched(query: str, body: bytes) -> None:
    made = post(body, query=query)
    assert made.data == b"Obj\x01\n\xff"
    assert made.data_format == "Avro"
    assert b"FORMAT" not in made.sql.upper()


def test_data_of_an_insert_goes_in_through_a_file_before_its_settings() -> None:
    made = post(b"x", query="INSERT INTO t SETTINGS async_insert = 0 FORMAT CSV")
    assert with_source(made, "/f") == b"INSERT INTO t  FROM INFILE '/f' SETTINGS async_insert = 0 FORMAT CSV"


@pytest.mark.parametrize("sql", ["INSERT INTO t VALUES (1, 'FORMAT')", "INSERT INTO t SELECT 1"])
def test_an_insert_without_a_format_is_sent_as_it_is(sql: str) -> None:
    made = post(sql.encode())
    assert (made.sql, made.data) == (sql.encode(), None)


@pytest.mark.parametrize(
    ("sql", "format_"),
    [
        ("SELECT 1", "TabSeparated"),
        ("SELECT 1 FORMAT JSON", "JSON"),
        ("WITH 1 AS x SELECT x\nFORMAT Native;", "Native"),
        ("(SELECT 1)", "TabSeparated"),
        ("SHOW TABLES", "TabSeparated"),
        ("CREATE TABLE t (a Int8) ENGINE = Memory", ""),
        ("OPTIMIZE TABLE t", ""),
    ],
)
def test_the_answers_format_is_known_beforehand(sql: str, format_: str) -> None:
    assert post(query=sql).format == format_


@pytest.mark.parametrize(
    "sql", ["SELECT 1 INTO OUTFILE '/tmp/x'", "INSERT INTO t FROM INFILE '/etc/passwd' FORMAT CSV"]
)
def test_files_of_the_server_cannot_be_named(sql: str) -> None:
    with pytest.raises(Rejected, match="send the data itself"):
        post(sql.encode())


def test_what_is_not_supported_is_refused_with_what_to_do() -> None:
    with pytest.raises(Rejected, match="gzip"):
        post(query="SELECT 1", compress="1")
    with pytest.raises(Rejected, match="no name of a setting"):
        read(method="POST", query={"query": "SELECT 1", "x = 1, readonly": "0"}, headers={}, body=b"")


def test_the_go_drivers_question_is_known_only_when_it_names_its_protocol() -> None:
    question = "SELECT displayName(), version(), revision(), timezone()"
    assert post(query=question, client_protocol_version="54460").is_hello
    assert not post(query=question).is_hello


def test_the_hello_block_reads_back_as_the_go_driver_reads_it() -> None:
    block = hello_block("box", "26.9.2.1", "UTC")
    assert block[:8] == b"\x01\x00\x02\xff\xff\xff\xff\x00"
    assert block[8:10] == b"\x04\x01", "four columns, one row"
    rest, found = block[10:], {}
    for _ in range(4):
        name, rest = text(rest)
        kind, rest = text(rest)
        assert rest[:1] == b"\x00", "no custom serialization"
        rest = rest[1:]
        if kind == "UInt32":
            found[name], rest = struct.unpack_from("<I", rest)[0], rest[4:]
        else:
            found[name], rest = text(rest)
    assert found == {"displayName()": "box", "version()": "26.9.2.1", "revision()": 0, "timezone()": "UTC"}
    assert rest == b""


def text(data: bytes) -> tuple[str, bytes]:
    size = data[0]
    return data[1 : 1 + size].decode(), data[1 + size :]
