"""`mailweir segments explain`, `members`, `list` and `profile` as they are typed: exit codes, sentences, addresses."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from schemas.events import EmailEvent, EventType
from schemas.identity import recipient_key
from schemas.transitions import SegmentTransition
from sinks.clickhouse import connect
from sinks.migrate import apply_tables
from streams.__main__ import app
from streams.clock import clock_ms
from tests.integration.backtest_cases import store_records
from tests.integration.store_process import ROOT, StoreProcess, free_port

ADDRESS, SECRET = "Someone@example.test", "s" * 32
KEY = recipient_key(SECRET, "default", ADDRESS)
RULES = "- {id: opened, event: {name: email_opened, within: 30d}}\n- {id: quiet, not: {segment: opened}}\n"
HOUR = 3_600_000


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    process = StoreProcess(tmp_path_factory.mktemp("store"))
    process.start().close()
    yield process
    process.stop()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, store: StoreProcess) -> Path:
    found, now = tmp_path_factory.mktemp("home"), clock_ms()
    (found / "store").write_text(store.url)
    (found / "segments.yaml").write_text(RULES)
    (found / "two.yaml").write_text(
        "segments:\n- {id: a, tenant: a, event: {name: page}}\n- {id: b, tenant: b, event: {name: page}}\n"
    )
    (found / "mailweir.yaml").write_text(
        f"tenants:\n- {{name: default, recipient_secret: {SECRET}}}\nsegments: segments.yaml\n"
    )
    client = connect(store.url)
    apply_tables(client)
    mail = EmailEvent(
        event_id="1" * 32, tenant="default", source="s", provider="p", event_type=EventType.OPENED,
        occurred_at=now - HOUR, received_at=now - HOUR, recipient_key=KEY, recipient=ADDRESS, subject="private words",
    )  # fmt: skip
    entry = SegmentTransition(
        transition_id="2" * 32, tenant="default", recipient_key=KEY, segment_id="opened", rule_version="v",
        is_member=1, detected_at=now - HOUR, effective_at=now - HOUR, cause="1" * 32, number=1,
    )  # fmt: skip
    store_records(client, [mail])
    store_records(client, [entry])
    client.close()
    return found


def run(home: Path, *words: str) -> tuple[int, str, str]:
    environ = {"MAILWEIR_CLICKHOUSE": (home / "store").read_text(), "MAILWEIR_CONFIG": str(home / "mailweir.yaml")}
    result = CliRunner().invoke(app, ["segments", *words], env=environ)
    assert "Traceback" not in result.output
    return result.exit_code, result.stdout, result.stderr


def explain(home: Path, *words: str, file: str = "segments.yaml") -> tuple[int, str, str]:
    return run(home, "explain", str(home / file), *words)


@pytest.mark.parametrize("who", [ADDRESS, ADDRESS.lower(), KEY, f" {KEY.upper()}"])
def test_a_recipient_is_an_address_or_a_key(home: Path, who: str) -> None:
    code, said, wrong = explain(home, who, "--id", "opened")
    assert (code, wrong) == (0, "")
    assert said.startswith("In opened since ")
    assert f"Recipient {KEY} of default\n" in said
    assert "@" not in said
    assert "private" not in said


def test_without_an_id_all_are_told_of_and_the_instant_may_be_given(home: Path) -> None:
    code, said, _ = explain(home, KEY)
    assert (code, said.splitlines()[0]) == (0, "In 1 of 2 segments.")
    code, said, _ = explain(home, KEY, "--json", "--at", "30m")
    assert (code, [each["is_member"] for each in json.loads(said)["segments"]]) == (0, [True, False])


@pytest.mark.parametrize(
    ("words", "file", "code", "sentence"),
    [
        ((KEY, "--at", "2h"), "segments.yaml", 1, f"no event of the recipient {KEY} of the tenant default is stored"),
        (("nobody@example.test",), "segments.yaml", 1, "no event of the recipient "),
        ((KEY, "--id", "closed"), "segments.yaml", 2, "no segment has the id closed; there are opened, quiet"),
        ((KEY,), "none.yaml", 2, "none.yaml: no such file or folder"),
        ((KEY,), "two.yaml", 2, "the segments are for several tenants; choose with --tenant one of a, b"),
        ((KEY, "--tenant", "c"), "two.yaml", 2, "no segment is for the tenant c; there are some for a, b"),
        ((ADDRESS, "--tenant", "a"), "two.yaml", 2, "no tenant is called 'a'; add it under `tenants`"),
        ((KEY, "--at", "then"), "segments.yaml", 2, "--at: 'then' is no moment"),
    ],
)
def test_what_is_not_there_is_one_sentence(
    home: Path, words: tuple[str, ...], file: str, code: int, sentence: str
) -> None:
    found, said, wrong = explain(home, *words, file=file)
    assert (found, said) == (code, "")
    assert sentence in wrong
    assert "@" not in wrong
    assert len(wrong.splitlines()) == 1


def test_members_are_written_to_stdout_or_a_file_or_counted(home: Path) -> None:
    code, said, _ = run(home, "members", "opened")
    assert (code, [line.partition(",")[0] for line in said.splitlines()]) == (0, ["recipient_key", KEY])
    assert run(home, "members", "opened", "--count") == (0, "1\n", "")
    assert run(home, "members", "opened", "--count", "--at", "2h") == (0, "0\n", "")
    assert run(home, "members", "opened", "--count", "--as-known-at", "2h") == (0, "0\n", "")
    assert run(home, "members", "quiet", "--count") == (0, "0\n", "")
    code, said, _ = run(home, "members", "opened", "--out", str(home / "who.jsonl"))
    assert (code, said) == (0, "")
    assert json.loads((home / "who.jsonl").read_text())["recipient_key"] == KEY


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("closed",), 2, "no segment of the tenant default has the id closed; there are: opened, quiet"),
        (("opened", "--tenant", "a"), 1, "nobody has entered a segment of the tenant a yet"),
        (("opened", "--format", "parquet"), 2, "Parquet is not written to stdout; name a file with --out"),
        (("opened", "--format", "xml"), 2, "--format: 'xml' is none of csv, jsonl, parquet"),
        (("opened", "--at", "2036-01-01"), 2, "--at lies ahead; who will be in a segment then is not known"),
    ],
)
def test_members_that_cannot_be_had_are_one_sentence(
    home: Path, words: tuple[str, ...], code: int, sentence: str
) -> None:
    found, said, wrong = run(home, "members", *words)
    assert (found, said) == (code, "")
    assert sentence in wrong
    assert len(wrong.splitlines()) == 1


def test_the_list_has_the_segments_of_the_folder_with_their_sizes(home: Path) -> None:
    code, said, wrong = run(home, "list")
    assert (code, wrong) == (0, "")
    head, *lines = said.splitlines()
    assert head.split() == ["SEGMENT", "STATUS", "SIZE", "LIVE", "SINCE", "(UTC)", "ENTERED", "24H", "LEFT", "24H"]
    assert [line.split() for line in lines] == [
        ["opened", "building", "1", "-", "1", "0"],  # it was entered by another rule than that of the file
        ["quiet", "building", "0", "-", "0", "0"],
    ]
    code, said, _ = run(home, "list", "--tenant", "nobody")
    assert (code, said) == (0, "No segment of nobody is there; docs/segments.md says how to write one.\n")


@pytest.mark.parametrize("who", [ADDRESS, KEY])
def test_a_profile_is_of_an_address_or_a_key(home: Path, who: str) -> None:
    code, said, wrong = run(home, "profile", who)
    assert (code, wrong) == (0, "")
    assert said.startswith(f"Recipient {KEY} of default\n")
    assert "engagement        0.999\n" in said
    assert "@" not in said
    code, said, _ = run(home, "profile", who, "--json", "--at", "30m")
    assert (code, json.loads(said)["reactions"]) == (0, 1)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ((KEY, "--at", "2h"), 1, f"no event of the recipient {KEY} of the tenant default is stored up to"),
        (("nobody@example.test",), 1, "no event of the recipient "),
        ((ADDRESS, "--tenant", "a"), 2, "no tenant is called 'a'; add it under `tenants`"),
    ],
)
def test_a_profile_that_cannot_be_had_is_one_sentence(
    home: Path, words: tuple[str, ...], code: int, sentence: str
) -> None:
    found, said, wrong = run(home, "profile", *words)
    assert (found, said) == (code, "")
    assert sentence in wrong
    assert "@" not in wrong


def test_the_console_reads_the_same_files_and_knows_the_same_keys(home: Path) -> None:
    port = free_port()
    environ = os.environ | {
        "MAILWEIR_CLICKHOUSE": (home / "store").read_text(),
        "MAILWEIR_CONFIG": str(home / "mailweir.yaml"),
        "MAILWEIR_CONSOLE_PORT": str(port),
    }
    console = subprocess.Popen(
        [sys.executable, "-m", "streams", "console"], cwd=ROOT, env=environ, stderr=subprocess.PIPE
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/readyz", console)
        page = httpx.get(f"http://127.0.0.1:{port}/segments")
        listed = httpx.get(f"http://127.0.0.1:{port}/api/segments").json()
        told = httpx.post(f"http://127.0.0.1:{port}/api/segments/opened/explain", json={"recipient": ADDRESS}).json()
    finally:
        console.terminate()
        _, log = console.communicate(timeout=30)
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert [each["id"] for each in listed["segments"]] == ["opened", "quiet"]
    assert (told["recipient_key"], told["segments"][0]["is_member"]) == (KEY, True)
    assert b"@" not in log
    assert console.returncode == 0


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while True:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(url).status_code == 200:
                return
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "the console does not answer"
        time.sleep(0.05)


def test_no_store_is_exit_1_and_says_where_it_should_be(home: Path) -> None:
    environ = {"MAILWEIR_CLICKHOUSE": "http://127.0.0.1:1", "MAILWEIR_CONFIG": str(home / "mailweir.yaml")}
    for words in (["explain", str(home / "segments.yaml"), KEY], ["members", "opened"], ["list"]):
        result = CliRunner().invoke(app, ["segments", *words], env=environ)
        assert result.exit_code == 1
        assert "cannot connect to http://127.0.0.1:1: connection refused" in result.stderr
