"""`make oracle` itself: that the three ways agree in some cases of each kind, and that one that does not is told."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.oracle.__main__ import Histories, Store, main
from tests.oracle.cases import KINDS, BySql, made
from tests.unit.streams.core.segments.brute import holds

ROOT = Path(__file__).resolve().parents[2]


def test_the_three_ways_agree_on_every_kind_and_the_counts_are_written(tmp_path: Path) -> None:
    """Another seed than that of `make oracle`, in a process of its own: it opens a store."""
    path = tmp_path / "counts.json"
    argv = [sys.executable, "-m", "tests.oracle", "--cases", str(5 * len(KINDS)), "--seed", "11", "--json", str(path)]
    run = subprocess.run(argv, check=False, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout + run.stderr
    report = json.loads(path.read_text(encoding="utf-8"))
    assert (report["seed"], report["cases"], report["mismatches"]) == (11, 5 * len(KINDS), 0)
    assert {tally["kind"]: tally["cases"] for tally in report["kinds"]} == dict.fromkeys(KINDS, 5)
    assert all(0 < tally["members"] < tally["asked"] for tally in report["kinds"])
    lines = run.stdout.splitlines()
    assert len(lines) == len(KINDS) + 1
    assert max(map(len, lines)) <= 100


@contextmanager
def without_the_last(number: int) -> Iterator[Store]:
    """SQL that misses the last of the members, in the case of that number."""

    def take(name: str, histories: Histories) -> BySql:
        def by_sql(rule: object, segments: object, at: int) -> set[str]:
            case = made(*_parts(name))
            found = sorted(key for key, facts in histories.items() if holds(case.rule, key, list(facts), at, {}))
            return set(found[:-1] if name.endswith(f" {number}") else found)

        return by_sql

    yield take


def _parts(name: str) -> tuple[int, str, int]:
    seed, kind, number = name.split()
    return int(seed), kind, int(number)


def test_a_difference_is_told_with_rule_and_recipient_and_how_to_repeat_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "counts.json"
    given = ["--kind", "suppressed", "--cases", "3", "--seed", "5", "--json", str(path)]
    assert main(given, lambda: without_the_last(1)) == 1
    said = capsys.readouterr().out
    assert "1 WRONG" in said
    assert "suppressed: {" in said
    assert "stream yes, loops yes, sql no" in said
    assert 'make oracle ARGS="--seed 5 --kind suppressed --first 1 --cases 1"' in said
    assert json.loads(path.read_text(encoding="utf-8"))["mismatches"] == 1
    assert (
        main(["--kind", "suppressed", "--first", "1", "--cases", "1", "--seed", "5"], lambda: without_the_last(1)) == 1
    )
    assert (
        main(["--kind", "suppressed", "--first", "2", "--cases", "1", "--seed", "5"], lambda: without_the_last(1)) == 0
    )
