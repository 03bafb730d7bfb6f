"""Rows on disk equal a plain dict, through flushes, kills, other owners and a compacted log."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.lane.disk import DiskRows
from tests.unit.streams.lane.disk_cases import order, rows_at

KEYS = st.integers(0, 7).map(lambda number: b"k%d" % number)
PUT = st.tuples(st.just("put"), KEYS, st.none() | st.integers(0, 200).map(lambda number: b"%d" % number))
LOOK = st.tuples(st.just("look"), KEYS, st.integers(0, 60))
STEPS = st.one_of(
    *(PUT, PUT, PUT, LOOK),
    *[st.tuples(st.sampled_from(["cut", "settle"]))] * 2,
    st.tuples(st.sampled_from(["kill", "close", "other owner", "compact"])),
)


class Twin:
    """Rows on disk, the changelog they belong to, and a dict that says what they must be."""

    def __init__(self, folder: Path) -> None:
        self.homes = (folder / str(number) for number in range(1_000))
        self.home = next(self.homes)
        self.log: list[tuple[int, bytes, bytes | None]] = []  # offset, key, value
        self.next = 0
        self.expected: dict[bytes, bytes] = {}
        self.marker, self.marker_at = b"", -1
        self.is_flying = False
        self.rows = self.take_over(self.home)

    def take_over(self, home: Path) -> DiskRows:
        rows = rows_at(home)
        tail = [record for record in self.log if record[0] >= rows.stand.changelog_next]
        for at in range(0, len(tail), 7):
            part = tail[at : at + 7]
            rows.restore([key for _, key, _ in part], [value for _, _, value in part])
        has_marker = self.marker_at >= rows.stand.changelog_next
        rows.restored(self.marker if has_marker else None, self.next)
        return rows

    def write(self, cut: list[tuple[bytes, bytes | None]]) -> None:
        """The flush gets into the log."""
        for key, value in cut:
            self.log.append((self.next, key, value))
            self.next += 1
        self.marker_at = self.next
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


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(STEPS, min_size=10, max_size=60))
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
