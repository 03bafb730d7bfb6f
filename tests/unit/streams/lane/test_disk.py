"""Rows on disk: visible on their way, in order, rebuilt where they cannot be trusted, held by one process at a time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from schemas.errors import Transient
from streams.lane.disk import DiskRows
from streams.lane.folders import COPIES
from streams.lane.rocks import Memory
from streams.lane.stand import KEEP_MS
from tests.unit.streams.lane.disk_cases import LOG_ID, MEMORY, START_MS, rows_at

Open = Callable[..., DiskRows]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Rows in one home; closed at the end."""
    made: list[DiskRows] = []

    def open_one(now_ms: int = START_MS, **named: str) -> DiskRows:
        made.append(rows_at(tmp_path / "home", now_ms, **named))
        return made[-1]

    yield open_one
    for rows in made:
        rows.close()


def filled(rows: DiskRows, count: int = 3) -> DiskRows:
    """Settled rows k0, k1, ... of values 0, 1, ..., position `count` + 1."""
    for number in range(count):
        rows.put(b"k%d" % number, b"%d" % number)
    rows.cut()
    rows.settle(b"marker", count + 1)
    return rows


def files_of(home: Path, pattern: str) -> list[Path]:
    return sorted(home.glob(f"*/{pattern}"))


def spoil(path: Path, skip: int = 0) -> None:
    data = bytearray(path.read_bytes())
    data[skip : skip + 200] = bytes(byte ^ 0xFF for byte in data[skip : skip + 200])
    path.write_bytes(bytes(data))


def test_readers_see_every_row_while_its_flush_lands(opened: Open) -> None:
    rows = opened()
    keys = [b"k%d" % number for number in range(500)]
    for turn in range(30):
        for key in keys:
            rows.put(key, b"%d" % (turn * 3 + 1))
        rows.cut()
        landing = threading.Thread(target=rows.settle, args=(b"m", turn + 1))
        landing.start()
        while landing.is_alive():
            assert rows.get_many(keys) == [b"%d" % (turn * 3 + 1)] * len(keys)
            assert len(rows.first(1_000, 1_000)) == len(keys)
            assert len(rows.scan(b"k", b"l", 1_000)) == len(keys)
        landing.join()


def test_rows_that_come_back_to_the_head_of_the_order_are_found(opened: Open) -> None:
    rows = filled(opened(), 30)
    assert rows.first(50, 2) == [(1, b"k1"), (2, b"k2")]
    for key in (b"k1", b"k2", b"k4"):
        rows.put(key, b"49")
    assert rows.first(50, 1) == [(5, b"k5")]
    rows.put(b"k9", b"1")
    rows.cut()
    rows.settle(b"m", 40)
    assert rows.first(50, 2) == [(1, b"k9"), (5, b"k5")]


def test_a_row_changed_again_while_its_flush_is_on_its_way_has_one_place_in_the_order(opened: Open) -> None:
    rows = filled(opened(), 3)
    rows.get_many([b"k1"])
    for number in (7, 8, 10):
        rows.put(b"k1", b"%d" % number)
        rows.cut()
        rows.put(b"k1", b"%d" % (number + 4))
        rows.settle(b"m", number)
    rows.cut()
    rows.settle(b"m", 40)
    assert rows.first(50, 10) == [(2, b"k2"), (14, b"k1")]


def test_a_flush_that_lands_while_the_first_rows_are_looked_for_hides_none_from_the_next_look(opened: Open) -> None:
    rows = filled(opened(), 30)
    rows.put(b"k9", b"50")
    rows.cut()
    walk = rows._store.walk

    def landing_first(start: bytes, stop: bytes) -> Generator[tuple[bytes, bytes], None, None]:
        rows.settle(b"m", 40)
        return walk(start, stop)

    rows._store.walk = landing_first  # type: ignore[method-assign]
    assert rows.first(50, 1) == [(0, b"k9")]
    rows._store.walk = walk  # type: ignore[method-assign]
    assert rows.first(50, 1) == [(0, b"k9")]


def test_what_would_break_the_promise_is_refused(opened: Open) -> None:
    rows = opened()
    with pytest.raises(ValueError, match="NUL"):
        rows.put(b"\x00stand", b"1")
    rows.put(b"k", b"1")
    rows.cut()
    with pytest.raises(RuntimeError, match="not settled"):
        rows.cut()
    rows.close()
    rows.close()
    with pytest.raises(Transient, match="closed"):
        rows.get_many([b"other"])


# -- what is trusted -----------------------------------------------------------------------------------------------


def test_a_folder_that_was_closed_or_left_is_taken_up_where_it_was(opened: Open) -> None:
    filled(opened()).close()
    rows = opened(START_MS + KEEP_MS)
    assert rows.stand.changelog_next == 4
    assert rows.stand.marker == b"marker"
    assert rows.get_many([b"k1", b"k9"]) == [b"1", None]


@pytest.mark.parametrize(
    ("now_ms", "named", "reason"),
    [
        (START_MS + KEEP_MS + 1, {}, "too long ago"),
        (START_MS - KEEP_MS, {}, "too long ago"),
        (START_MS, {"log_id": "log-2"}, "deleted"),
        (START_MS, {"form": "2"}, "form '1', not '2'"),
    ],
)
def test_a_folder_that_cannot_be_trusted_is_thrown_away(
    opened: Open, caplog: pytest.LogCaptureFixture, now_ms: int, named: dict[str, str], reason: str
) -> None:
    filled(opened()).close()
    with caplog.at_level(logging.WARNING):
        rows = opened(now_ms, **named)
    assert [reason in record.getMessage() for record in caplog.records] == [True]
    assert rows.stand.changelog_next == 0
    assert rows.stand.marker is None
    assert rows.get_many([b"k1"]) == [None]
    assert rows.first(100, 10) == []
    rows.close()
    assert opened(now_ms, **named).stand.log_id == named.get("log_id", LOG_ID)


def test_age_counts_from_the_cut_and_not_from_a_late_settle(tmp_path: Path) -> None:
    now = [START_MS]
    rows = DiskRows(tmp_path, MEMORY, lambda: now[0])
    rows.begin(LOG_ID)
    rows.put(b"k", b"1")
    rows.cut()
    now[0] += KEEP_MS  # stopped between the commit and here, while others may have written tombstones
    rows.settle(b"m", 2)
    rows.close()
    assert rows.stand.written_ms == START_MS


def test_a_first_restore_that_was_killed_has_an_age_too(opened: Open) -> None:
    rows = opened()
    rows.restore([b"k1"], [b"1"])
    rows.close()
    old = opened(START_MS + KEEP_MS + 1)
    assert old.stand.changelog_next == 0
    assert old.get_many([b"k1"]) == [None]


@pytest.mark.parametrize("pattern", ["MANIFEST-*", "CURRENT", "*.sst"])
@pytest.mark.parametrize("how", ["spoilt", "gone"])
def test_a_damaged_folder_is_rebuilt_with_one_warning(
    opened: Open, tmp_path: Path, caplog: pytest.LogCaptureFixture, pattern: str, how: str
) -> None:
    filled(opened()).close()
    opened().close()  # what was in the log of RocksDB is in a table now
    path = files_of(tmp_path / "home", pattern)[0]
    if how == "gone":
        path.unlink()
    else:
        spoil(path, skip=max(0, path.stat().st_size - 200))
    caplog.clear()
    rows = opened()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert rows.stand.changelog_next == 0
    assert filled(rows).get_many([b"k1"]) == [b"1"]


def test_damage_found_by_a_read_is_no_empty_answer_and_rebuilds_the_folder_at_the_next_start(tmp_path: Path) -> None:
    def open_one() -> DiskRows:
        rows = DiskRows(tmp_path / "home", Memory(), lambda: START_MS)  # a new process has nothing in its cache
        rows.begin(LOG_ID)
        return rows

    filled(open_one(), 5_000).close()
    open_one().close()
    spoil(files_of(tmp_path / "home", "*.sst")[0], skip=5_000)
    rows = open_one()
    with pytest.raises(Transient, match="Corruption"):
        rows.scan(b"k", b"l", 10_000)
    rows.close()
    rebuilt = open_one()
    assert rebuilt.stand.changelog_next == 0
    rebuilt.close()


# -- one process a folder ------------------------------------------------------------------------------------------


def test_an_owner_beside_a_stopped_one_gets_a_copy_of_its_own_and_the_newest_is_taken_up(opened: Open) -> None:
    stopped = filled(opened())
    successor = filled(opened(), 5)
    assert successor.stand.changelog_next == 6
    successor.close()
    stopped.close()
    assert opened().stand.changelog_next == 6


def test_copies_that_nobody_holds_are_deleted(opened: Open, tmp_path: Path) -> None:
    first, second = filled(opened()), filled(opened(), 5)
    second.close()
    first.close()
    opened()
    assert len(files_of(tmp_path / "home", "CURRENT")) == 1


def test_no_more_than_a_few_copies_are_made(opened: Open) -> None:
    held = [opened() for _ in range(COPIES)]
    with pytest.raises(Transient, match=f"all {COPIES} copies are held"):
        opened()
    held[2].close()
    opened()


def test_a_disk_that_refuses_is_named_and_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "0").write_text("a file where the folder should be")
    with pytest.raises(Transient, match="cannot be opened"):
        rows_at(tmp_path)
    assert (tmp_path / "0").exists()
