"""Rows on disk: equal to a plain dict through crashes and other owners, and rebuilt where they cannot be trusted."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.errors import Transient
from streams.lane.disk import KEEP_MS, DiskRows
from streams.lane.folders import COPIES
from streams.lane.rocks import Memory

LOG_ID = "log-1"
START_MS = 1_000_000_000
MEMORY = Memory(cache_bytes=1 << 20, buffers_bytes=1 << 20)
Open = Callable[..., DiskRows]


def order(value: bytes) -> int | None:
    """Every third row is in no order."""
    number = int(value)
    return None if number % 3 == 0 else number % 50


def rows_at(home: Path, now_ms: int = START_MS, *, form: str = "1", log_id: str = LOG_ID) -> DiskRows:
    rows = DiskRows(home, MEMORY, lambda: now_ms, order=order, form=form)
    rows.begin(log_id)
    return rows


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


# -- against a plain dict ------------------------------------------------------------------------------------------

KEYS = st.integers(0, 30).map(lambda number: b"k%d" % number)
PUT = st.tuples(st.just("put"), KEYS, st.none() | st.integers(0, 200).map(lambda number: b"%d" % number))
LOOK = st.tuples(st.just("look"), KEYS, st.integers(0, 60))
STEPS = st.one_of(
    *(PUT, PUT, PUT, LOOK, LOOK),
    st.tuples(st.sampled_from(["cut", "settle", "settle", "kill", "kill", "close", "other owner", "compact"])),
)


class Twin:
    """Rows on disk, the changelog they belong to, and a dict that says what they must be."""

    def __init__(self, folder: Path) -> None:
        self.homes = (folder / str(number) for number in range(1_000))
        self.home = next(self.homes)
        self.log: list[tuple[int, bytes, bytes | None]] = []  # offset, key, value
        self.next = 0
        self.expected: dict[bytes, bytes] = {}
        self.marker = b""
        self.is_flying = False
        self.rows = self.take_over(self.home)

    def take_over(self, home: Path) -> DiskRows:
        rows = rows_at(home)
        tail = [record for record in self.log if record[0] >= rows.stand.changelog_next]
        for at in range(0, len(tail), 7):
            part = tail[at : at + 7]
            rows.restore([key for _, key, _ in part], [value for _, _, value in part])
        rows.restored(self.marker or None, self.next)
        return rows

    def write(self, cut: list[tuple[bytes, bytes | None]]) -> None:
        """The flush gets into the log."""
        for key, value in cut:
            self.log.append((self.next, key, value))
            self.next += 1
        self.next += 2  # the marker, and the end of the transaction
        self.marker = b"marker at %d" % self.next

    def durable(self) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = {}
        for _, key, value in self.log:
            found.pop(key, None)
            if value is not None:
                found[key] = value
        return found

    # -- steps ---------------------------------------------------------------------------------------------------

    def put(self, key: bytes, value: bytes | None) -> None:
        self.rows.put(key, value)
        self.expected.pop(key, None)
        if value is not None:
            self.expected[key] = value

    def cut(self) -> None:
        if not self.is_flying:
            self.write(self.rows.cut())
            self.is_flying = True

    def settle(self) -> None:
        self.cut()
        self.rows.settle(self.marker, self.next)
        self.is_flying = False

    def kill(self) -> None:
        """The files as a killed process leaves them: nothing is closed, its successor finds what was written."""
        old, self.home = self.home, next(self.homes)
        shutil.copytree(old, self.home)
        self.close()

    def close(self) -> None:
        self.rows.close()
        self.rows = self.take_over(self.home)
        self.is_flying = False
        self.expected = self.durable()

    def other_owner(self) -> None:
        """Somebody else has the partition for a while, then it comes back."""
        self.rows.close()
        self.expected = self.durable()
        for key in list(self.expected)[::2]:
            self.expected.pop(key)
            self.write([(key, None), (b"other", b"7")])
            self.expected[b"other"] = b"7"
        self.close()

    def compact(self) -> None:
        """The log forgets what a later record of the same key replaced."""
        newest = {key: offset for offset, key, _ in self.log}
        self.log = [record for record in self.log if newest[record[1]] == record[0]]

    def look(self, key: bytes, below: int) -> None:
        rows, expected = self.rows, self.expected
        asked = [key, b"never", b"k1", key, *list(expected)[:3]]
        assert rows.get_many(asked) == [expected.get(each) for each in asked]
        in_order = sorted(expected.items())
        assert rows.scan(b"", b"\xff", 5) == in_order[:5]
        assert rows.scan(key, b"k3", 100) == [row for row in in_order if key <= row[0] < b"k3"]
        due = sorted((n, each) for each, value in expected.items() if (n := order(value)) is not None and n < below)
        assert rows.first(below, 4) == due[:4]
        assert rows.first(below, 100) == due


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=5, max_size=60))
def test_rows_equal_a_plain_dict_through_flushes_kills_and_other_owners(
    steps: list[tuple[Any, ...]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("twin")
    twin = Twin(folder)
    try:
        for name, *given_ in [*steps, ("look", b"k2", 60), ("kill",), ("look", b"k2", 60)]:
            getattr(twin, name.replace(" ", "_"))(*given_)
            if twin.rows.stand.changelog_next:
                assert twin.rows.stand.changelog_next <= twin.next, "never ahead of the log"
        assert twin.rows.stand.marker == (twin.marker or None)
    finally:
        twin.rows.close()
        shutil.rmtree(folder)


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
