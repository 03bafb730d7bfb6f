"""Engines in processes of their own: answers, wrong totals, silence, and environments that cannot be made."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks import engines, reputation
from benchmarks.engines import ENGINES, EngineFailedError
from benchmarks.figure import Plan
from benchmarks.peers import environments
from benchmarks.peers.environments import CannotInstallError
from benchmarks.processes import slope
from benchmarks.stages import ROOT


def worker(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def test_the_last_answer_of_a_worker_is_taken(tmp_path: Path) -> None:
    text = 'print(\'starting\'); print(\'RESULT {"events": 3, "digest": "d"}\')'
    assert engines.run_worker(worker(text), tmp_path / "log", 20) == {"events": 3, "digest": "d"}


def test_a_worker_without_an_answer_fails_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(EngineFailedError, match=r"exit code 3.*no partitions"):
        engines.run_worker(worker("print('no partitions', flush=True); raise SystemExit(3)"), tmp_path / "log", 20)


def test_a_worker_that_hangs_is_ended(tmp_path: Path) -> None:
    with pytest.raises(EngineFailedError, match="no end after"):
        engines.run_worker(worker("import time; time.sleep(60)"), tmp_path / "log", 1)


def test_every_engine_has_its_module_and_its_pins() -> None:
    for engine in ENGINES:
        assert (ROOT / (engine.module.replace(".", "/") + ".py")).exists(), engine.module
        if engine.environment:
            pins = (environments.FOLDER / f"{engine.environment}.txt").read_text(encoding="utf-8").splitlines()
            assert all("==" in line for line in pins if line and not line.startswith("#")), engine.environment


def test_a_quick_run_compares_with_the_engines_that_goals_name() -> None:
    assert {name for _, name, _ in reputation.RATIOS} <= {engine.name for engine in ENGINES if engine.is_quick}


def test_pins_that_cannot_be_installed_are_a_reason_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text("./no-such-folder-here\n", encoding="utf-8")
    with pytest.raises(CannotInstallError, match="bad could not be installed here"):
        environments.python_of("bad", cache=tmp_path / "cache", folder=tmp_path)


def test_one_engine_that_fails_leaves_the_others_figures(tmp_path: Path) -> None:
    plan = Plan(quick=True, seed=1, runs=2, work=tmp_path, say=lambda _: None)
    calls = []

    def fails() -> engines.Answer:
        calls.append(1)
        raise EngineFailedError("no broker")

    right = engines.Answer(events=1_000, wall_s=2.0, cpu_s=1.0, peak_mb=1.0, is_right=True)
    broken, whole = reputation.Series("quix"), reputation.Series("mailweir")
    for _ in range(plan.runs):
        broken.run(fails, plan)
        whole.run(lambda: right, plan)
    assert len(calls) == 1, "an engine that failed is not tried again"
    assert [figure.error for figure in broken.figures("quix", "")] == ["quix: no broker"] * 2
    assert [figure.value for figure in whole.figures("reputation", "")] == [500.0, 1_000.0]


def test_wrong_totals_are_said_first(tmp_path: Path) -> None:
    plan = Plan(quick=True, seed=1, runs=1, work=tmp_path, say=lambda _: None)
    series = reputation.Series("faust")
    series.run(lambda: engines.Answer(events=9, wall_s=1.0, cpu_s=1.0, peak_mb=1.0, is_right=False), plan)
    assert series.figures("faust", "note")[0].note.startswith("wrong")


def test_the_slope_of_a_line_is_its_slope() -> None:
    assert slope([(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)]) == pytest.approx(2.0)
    assert slope([(0.0, 1.0)]) == 0.0
