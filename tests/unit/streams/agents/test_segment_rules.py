"""Rules are read again when their files change; wrong ones change nothing."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from schemas.config import Config
from schemas.segments.configured import configured_segments, configured_stamp
from streams.agents.segment_rules import RuleSet
from streams.core.segments.announced import Wanted

RULE = "id: {0}\nevent: {{name: order_completed, within: {1}}}\n"


class Folder:
    """A folder of rules and the set that follows it."""

    def __init__(self, home: Path) -> None:
        self.config, self.file = Config(segments="rules"), home / "mailweir.yaml"
        self.home, self._seconds, self.loads = home / "rules", 1_000_000_000, 0
        self.home.mkdir()
        self.write("a", RULE.format("a", "30d"))
        self.rules = RuleSet(self._load, lambda: configured_stamp(self.config, self.file))

    def _load(self) -> dict[str, Wanted]:
        self.loads += 1
        return {tenant: Wanted(found) for tenant, found in configured_segments(self.config, self.file).items()}

    def write(self, name: str, text: str) -> None:
        path = self.home / f"{name}.yaml"
        path.write_text(text)
        self._seconds += 1
        os.utime(path, (self._seconds, self._seconds))  # two changes within one tick of the file system's clock

    def ids(self) -> list[str]:
        return [segment.id for wanted in self.rules.wanted.values() for segment in wanted.segments]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


async def test_files_that_change_come_and_go_are_taken_in_and_read_only_then(folder: Folder) -> None:
    await folder.rules.look()
    assert (folder.ids(), folder.loads) == (["a"], 1)
    folder.write("b", RULE.format("b", "1d"))
    await folder.rules.look()
    assert folder.ids() == ["a", "b"]
    before = folder.rules.wanted["default"].segments[0]
    folder.write("a", RULE.format("a", "20d"))
    await folder.rules.look()
    assert folder.rules.wanted["default"].segments[0] != before
    (folder.home / "b.yaml").unlink()
    await folder.rules.look()
    assert (folder.ids(), folder.loads) == (["a"], 4)


async def test_what_is_wrong_changes_nothing_and_is_said_once(folder: Folder, caplog: pytest.LogCaptureFixture) -> None:
    in_force = folder.rules.wanted
    folder.write("b", "id: b\nevent: {name: order_completed, within: 30}\n")
    with caplog.at_level(logging.INFO):
        await folder.rules.look()
        await folder.rules.look()
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "the segments stay as they were" in caplog.text
    assert "30 has no unit" in caplog.text
    assert (folder.rules.wanted, folder.rules.is_current) == (in_force, False)
    for path in folder.home.iterdir():
        path.unlink()
    await folder.rules.look()
    assert folder.rules.wanted is in_force, "an empty folder is a mistake, not the end of all segments"
    folder.home.rmdir()
    await folder.rules.look()
    assert folder.rules.wanted is in_force
