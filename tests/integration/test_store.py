"""The store through the clients that people use: clickhouse-connect, plain HTTP, and the rules around them."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import clickhouse_connect
import httpx
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from schemas.errors import Misconfigured
from sinks.clickhouse import connect
from sinks.store.engine import EngineLimits
from sinks.store.serve import run_store, serve
from tests.integration.store_process import StoreProcess, free_port

HELLO = "SELECT displayName(), version(), revision(), timezone()"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    process = StoreProcess(tmp_path_factory.mktemp("store"))
    client = process.start()
    client.command(
        "CREATE TABLE numbers (n UInt64, text String, kind LowCardinality(String)) ENGINE = MergeTree ORDER BY n"
    )
    client.close()
    yield process
    assert process.stop() == 0


@pytest.fixture
def http(store: StoreProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=store.url, params={"database": "mailweir"}, timeout=30) as client:
        client.post("/", content="TRUNCATE TABLE numbers")
        yield client


@pytest.mark.parametrize("compress", [False, True, "lz4", "zstd", "gzip"])
def test_the_python_client_inserts_and_reads_with_every_compression(
    store: StoreProcess, http: Any, compress: Any
) -> None:
    client = clickhouse_connect.get_client(host="127.0.0.1", port=store.port, database="mailweir", compress=compress)
    rows = [(n, "text " * 20, "kind") for n in range(2_000)]
    client.insert("numbers", rows, column_names=["n", "text", "kind"])
    assert client.query("SELECT * FROM numbers ORDER BY n").result_rows == rows
    assert client.query_arrow("SELECT n FROM numbers LIMIT 3").num_rows == 3
    with client.query_row_block_stream("SELECT number FROM numbers(100000)") as blocks:
        assert sum(len(block) for block in blocks) == 100_000
    client.close()


def test_parameters_and_settings_reach_the_statement_and_not_the_next_one(store: StoreProcess) -> None:
    client = connect(store.url)
    assert client.query("SELECT {x:UInt64} + 1, {s:String}", {"x": 41, "s": "it's"}).result_rows == [(42, "it's")]
    asked = "SELECT getSetting('max_block_size')"
    assert client.query(asked, settings={"max_block_size": 77}).result_rows[0][0] == 77
    assert client.query(asked).result_rows[0][0] != 77
    client.close()


def test_an_insert_token_makes_a_repeated_insert_a_no_op(http: httpx.Client) -> None:
    http.post("/", content="DROP TABLE IF EXISTS once")
    engine = "ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 100"
    http.post("/", content=f"CREATE TABLE once (n UInt64) {engine}").raise_for_status()
    for token in ("a", "a", "b"):
        query = {"query": "INSERT INTO once FORMAT CSV", "insert_deduplication_token": token, "async_insert": "0"}
        http.post("/", params=query, content=b"1\n2\n").raise_for_status()
    assert http.post("/", content="SELECT count() FROM once").text == "4\n"


def test_curl_reads_with_get_and_only_reads(http: httpx.Client) -> None:
    assert http.get("/ping").text == "Ok.\n"
    assert http.get("/").text == "Ok.\n"
    assert http.get("/", params={"query": "SELECT 1 AS a FORMAT JSONEachRow"}).text == '{"a":1}\n'
    refused = http.get("/", params={"query": "DROP TABLE numbers"})
    assert (refused.status_code, refused.headers["X-ClickHouse-Exception-Code"]) == (403, "164")
    files = http.get("/", params={"query": "SELECT * FROM file('/etc/hostname', 'LineAsString')"})
    assert files.headers["X-ClickHouse-Exception-Code"] == "164"


def test_an_error_keeps_its_number_and_its_sentence(store: StoreProcess) -> None:
    client = connect(store.url)
    for sql, code in (("SELECT * FROM nowhere", 60), ("SELEC 1", 62), ("SELECT throwIf(1)", 395)):
        with pytest.raises(DatabaseError) as caught:
            client.query(sql)
        assert caught.value.code == code
    client.close()


def test_a_statement_that_takes_too_much_memory_is_ended_and_the_store_goes_on(http: httpx.Client) -> None:
    query = {"query": "SELECT groupArray(number) FROM numbers(50000000)", "max_memory_usage": "50000000"}
    assert http.post("/", params=query).headers["X-ClickHouse-Exception-Code"] == "241"
    assert http.post("/", content="SELECT 1").text == "1\n"


def test_gzip_works_both_ways(http: httpx.Client) -> None:
    body = gzip.compress(b"1,a,b\n")
    sent = http.post(
        "/", params={"query": "INSERT INTO numbers FORMAT CSV"}, content=body, headers={"Content-Encoding": "gzip"}
    )
    sent.raise_for_status()
    query = {"query": "SELECT repeat('x', 9999)", "enable_http_compression": "1"}
    answer = http.get("/", params=query, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(answer.text) == 10_000


def test_the_go_drivers_first_question_is_answered_at_its_protocol(http: httpx.Client) -> None:
    query = {"query": HELLO, "default_format": "Native", "client_protocol_version": "54460"}
    answer = http.get("/", params=query)
    assert answer.content.startswith(b"\x01\x00\x02\xff\xff\xff\xff\x00\x04\x01\x0ddisplayName()\x06String\x00")
    plain = http.get("/", params={"query": "SELECT 1 AS a", "default_format": "Native"})
    assert plain.content == b"\x01\x01\x01a\x05UInt8\x01", "later blocks are plain"


def test_web_pages_and_foreign_host_names_are_refused(http: httpx.Client) -> None:
    for header in ({"Origin": "https://evil.test"}, {"Host": "evil.test"}):
        refused = http.post("/", content="SELECT 1", headers=header)
        assert refused.status_code == 403
    assert http.post("/", content="SELECT 1", headers={"Host": "localhost:8123"}).text == "1\n"


async def test_a_password_is_asked_for_in_every_place_clients_put_it(tmp_path: Path) -> None:
    async with serve(tmp_path, "127.0.0.1", 0, "s3cret") as port, httpx.AsyncClient(timeout=30) as client:
        url = f"http://127.0.0.1:{port}/"
        assert (await client.get(url + "ping")).status_code == 200
        for wrong in ({}, {"X-ClickHouse-Key": "no"}, {"Authorization": "Basic !!"}):
            refused = await client.post(url, content="SELECT 1", headers=wrong)
            assert (refused.status_code, refused.headers["X-ClickHouse-Exception-Code"]) == (401, "516")
        for right in ({"X-ClickHouse-Key": "s3cret"}, {"Authorization": "Bearer s3cret"}):
            assert (await client.post(url, content="SELECT 1", headers=right)).text == "1\n"
        assert (await client.post(url, content="SELECT 1", auth=("anyone", "s3cret"))).text == "1\n"


async def test_a_full_line_answers_503_with_when_to_come_back(tmp_path: Path) -> None:
    limits = EngineLimits(readers=1, waiting=2)
    async with serve(tmp_path, "127.0.0.1", 0, limits=limits) as port, httpx.AsyncClient(timeout=30) as client:
        asked = [client.get(f"http://127.0.0.1:{port}/", params={"query": "SELECT sleep(0.3)"}) for _ in range(6)]
        answers = await asyncio.gather(*asked)
        busy = [answer for answer in answers if answer.status_code == 503]
        assert len(busy) == 4
        assert (busy[0].headers["Retry-After"], busy[0].headers["X-ClickHouse-Exception-Code"]) == ("1", "202")


async def test_a_slow_statement_is_ended_at_the_limit(tmp_path: Path) -> None:
    limits = EngineLimits(max_seconds=1)
    async with serve(tmp_path, "127.0.0.1", 0, limits=limits) as port, httpx.AsyncClient(timeout=30) as client:
        sql = "SELECT count() FROM numbers(100000000000) WHERE sipHash64(number) = 1"
        answer = await client.get(f"http://127.0.0.1:{port}/", params={"query": sql})
        assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (408, "159")


def test_a_second_store_on_the_same_folder_is_told_so(store: StoreProcess) -> None:
    with pytest.raises(Misconfigured, match="another process has this store open"):
        run_store(store.path, "127.0.0.1", 0)


def test_a_port_in_use_is_named_with_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(Misconfigured, match=r"is in use; stop what holds it or choose another with MAILWEIR_STORE"):
            run_store(tmp_path, "127.0.0.1", taken.getsockname()[1])


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(Misconfigured, match="folder cannot be made"):
        run_store(tmp_path / "file" / "store", "127.0.0.1", free_port())


def test_what_was_inserted_survives_a_kill(tmp_path: Path) -> None:
    process = StoreProcess(tmp_path)
    client = process.start()
    client.command("CREATE TABLE kept (n UInt64) ENGINE = MergeTree ORDER BY n")
    client.insert("kept", [[n] for n in range(1_000)], column_names=["n"])
    process.kill()
    client = process.start()
    assert client.query("SELECT count() FROM kept").result_rows == [(1_000,)]
    assert process.stop() == 0
