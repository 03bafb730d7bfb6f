"""`mailweir segments members` is who the transitions say, now and at any time, and says what to do where nobody is."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
from clickhouse_connect.driver.client import Client

from schemas.errors import MailweirError, Misconfigured
from schemas.settings import Settings
from schemas.transitions import SegmentTransition, transition_id
from sinks.clickhouse import connect
from sinks.migrate import apply_tables
from streams.commands.segments_members import (
    Audience,
    Format,
    audience,
    configured_ids,
    format_of,
    run_count,
    run_members,
)
from tests.integration.backtest_cases import store_records
from tests.integration.store_process import StoreProcess

T0 = 1_774_569_600_000  # 2026-03-27T00:00Z
NOW = T0 + 120_000


def transition(
    who: str, number: int, at: int, *, detected: int | None = None, segment: str = "vip"
) -> SegmentTransition:
    """The `number`th of this recipient: in, out, in ..."""
    version, is_member = f"v{number % 3}", number % 2
    return SegmentTransition(
        transition_id=transition_id("acme", who, segment, version, at, is_member, ""), tenant="acme",
        recipient_key=who, segment_id=segment, rule_version=version, is_member=is_member,
        detected_at=at if detected is None else detected, effective_at=at, cause="", number=number,
    )  # fmt: skip


def histories() -> list[SegmentTransition]:
    """Of 60 recipients up to seven transitions each; some are known later than they took effect."""
    dice, found = Random(4), []
    for recipient in range(60):
        at = T0
        for number in range(1, dice.randrange(1, 9)):
            at += dice.randrange(8) * 1_000
            found.append(transition(f"r{recipient:02}", number, at, detected=at + dice.choice((0, 0, 0, 3_000))))
            at = max(at, found[-1].detected_at)
    return found


LOG = histories()
OTHER = [transition("r00", 1, T0, segment="other"), transition("zz", 1, T0, segment="other")]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    process = StoreProcess(tmp_path_factory.mktemp("store"))
    client = process.start()
    apply_tables(client)
    store_records(client, LOG)
    store_records(client, LOG[::3])
    store_records(client, OTHER)
    yield client
    client.close()
    process.stop()


def asked(segment: str = "vip", at: int | None = None, known: int | None = None) -> Audience:
    return audience("acme", segment, NOW, at, known)


def told(store: Client, of: Audience, form: Format = Format.CSV, page: int = 100) -> str:
    out = io.StringIO()
    assert run_members(store, of, list, out, form=form, page=page) == 0
    return out.getvalue()


def rows(store: Client, of: Audience, page: int = 100) -> list[tuple[str, ...]]:
    head, *found = csv.reader(io.StringIO(told(store, of, page=page)))
    assert head == ["recipient_key", "entered_at", "rule_version"]
    return [tuple(row) for row in found]


def expected(at: int, known: int) -> list[tuple[str, ...]]:
    """By going through all of them in order."""
    last: dict[str, SegmentTransition] = {}
    for each in sorted(LOG, key=lambda item: (item.detected_at, item.number)):
        if each.effective_at <= at and each.detected_at <= known:
            last[each.recipient_key] = each
    return [
        (who, f"{datetime.fromtimestamp(each.effective_at / 1000, UTC):%Y-%m-%dT%H:%M:%S}.000Z", each.rule_version)
        for who, each in sorted(last.items())
        if each.is_member
    ]


def test_members_are_those_whose_last_transition_is_an_entry(store: Client) -> None:
    found = rows(store, asked())
    assert found == expected(NOW, NOW)
    assert 15 < len(found) < 60
    view = store.query("SELECT recipient_key, rule_version FROM segment_members WHERE segment_id = 'vip' ORDER BY 1")
    assert [(who, version) for who, _, version in found] == view.result_rows


def test_members_at_any_time_as_known_at_any_later_one(store: Client) -> None:
    dice, differ = Random(5), 0
    for _ in range(12):
        at = T0 + dice.randrange(40_000)
        known = at + dice.choice((0, 1_000, 2_999, 3_000, 9_000))
        assert rows(store, asked(at=at, known=known)) == expected(at, known)
        assert rows(store, asked(at=at)) == expected(at, NOW)
        differ += expected(at, known) != expected(at, NOW)
    assert differ > 2
    assert rows(store, asked(known=T0 + 5_000)) == expected(T0 + 5_000, T0 + 5_000)


@pytest.mark.parametrize("page", [3, 7, 1_000])
def test_pages_of_any_size_make_the_same_list(store: Client, page: int) -> None:
    assert rows(store, asked(), page) == expected(NOW, NOW)


def test_how_many_they_are_may_be_asked_alone(store: Client) -> None:
    out = io.StringIO()
    assert run_count(store, asked(), list, out) == 0
    assert out.getvalue() == f"{len(expected(NOW, NOW))}\n"


def test_json_lines_and_parquet_say_the_same(store: Client, tmp_path: Path) -> None:
    lines = [tuple(json.loads(line).values()) for line in told(store, asked(), Format.JSONL).splitlines()]
    assert lines == expected(NOW, NOW)
    file = tmp_path / "members.parquet"
    assert run_members(store, asked(), list, io.StringIO(), file, Format.PARQUET) == 0
    found = connect(f"chdb://{tmp_path / 'reader'}").query(
        "SELECT recipient_key, replace(toString(entered_at), ' ', 'T') || 'Z', rule_version"
        f" FROM file('{file}', Parquet)"
    )
    assert found.result_rows == expected(NOW, NOW)


def test_a_file_has_its_name_once_it_is_complete(store: Client, tmp_path: Path) -> None:
    file = tmp_path / "members.csv"
    assert run_members(store, asked(), list, io.StringIO(), file) == 0
    assert file.read_text() == told(store, asked())
    with pytest.raises(Misconfigured, match=r"--out .*cannot be written \(No such file or directory\)"):
        run_members(store, asked(), list, io.StringIO(), tmp_path / "none" / "members.csv")
    assert [each.name for each in tmp_path.iterdir()] == ["members.csv"]


def test_a_failure_leaves_the_file_that_was_there(store: Client, tmp_path: Path) -> None:
    file = tmp_path / "members.csv"
    file.write_text("old")

    class Breaking:
        def query(self, sql: str, parameters: dict[str, object]) -> object:
            if parameters.get("after"):
                raise MailweirError("the store is away")
            return store.query(sql, parameters=parameters)

    with pytest.raises(MailweirError, match="the store is away"):
        run_members(Breaking(), asked(), list, io.StringIO(), file, page=7)  # type: ignore[arg-type]  # what is used of it
    assert file.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["members.csv"]


def test_a_segment_that_is_unknown_or_was_never_entered_is_told_apart(store: Client) -> None:
    with pytest.raises(Misconfigured) as unknown:
        told(store, asked("vpi"))
    assert str(unknown.value) == "no segment of the tenant acme has the id vpi; did you mean `vip`?"
    out = io.StringIO()
    assert run_members(store, asked("new"), lambda: ["new"], out) == 0
    assert out.getvalue() == "recipient_key,entered_at,rule_version\n"
    with pytest.raises(MailweirError) as nobody:
        told(store, audience("elsewhere", "vip", NOW, None, None))
    assert str(nobody.value) == (
        "nobody has entered a segment of the tenant elsewhere yet; name the folder with segments in"
        " mailweir.yaml, and run `mailweir segments` and `mailweir sink`"
    )


def test_a_store_without_tables_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="run `mailweir tables apply`"):
        told(connect(f"chdb://{tmp_path / 'empty'}"), asked())


def test_instants_that_cannot_be_answered_are_refused() -> None:
    with pytest.raises(Misconfigured, match="--at lies ahead"):
        asked(at=NOW + 1)
    with pytest.raises(Misconfigured, match="--as-known-at is earlier than --at"):
        asked(at=T0 + 1, known=T0)


def test_the_format_is_the_given_one_or_that_of_the_files_ending() -> None:
    assert format_of("", None) is Format.CSV
    assert format_of("", Path("a.PARQUET")) is Format.PARQUET
    assert format_of("csv", Path("a.jsonl")) is Format.CSV
    assert format_of("", Path("a.txt")) is Format.CSV
    with pytest.raises(Misconfigured, match="--format: 'xls' is none of csv, jsonl, parquet"):
        format_of("xls", None)
    with pytest.raises(Misconfigured, match="Parquet is not written to stdout; name a file with --out"):
        format_of("parquet", None)


def test_the_configured_segments_are_those_of_the_tenant(tmp_path: Path) -> None:
    config = tmp_path / "mailweir.yaml"
    of = Settings(config=config)
    assert configured_ids(of, "default") == []
    config.write_text("segments: rules\n")
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.yaml").write_text("id: a\nevent: {name: page}\n")
    assert configured_ids(of, "default") == ["a"]
    assert configured_ids(of, "acme") == []
