"""A stage runs in a process of its own; however it ends, its promised figures are there."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest

from benchmarks import __main__ as bench
from benchmarks import stages
from benchmarks.figure import Plan
from benchmarks.stages import STAGES, Stage

STAGE = Stage(name="s", module="m", quick_s=20, long_s=20, promises=("one", "two"))
FIGURE = {"name": "one", "value": 5.0, "unit": "u", "goal": "", "runs": [5.0], "note": "", "error": ""}


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return Plan(quick=True, seed=1, runs=1, work=tmp_path)


def program(text: str) -> tuple[str, ...]:
    """A stand-in for a stage; it gets the module, the plan and the answer's path."""
    return (sys.executable, "-c", f"import json, os, sys, time\n{text}")


def test_a_stage_answers_with_its_figures(plan: Plan) -> None:
    text = f"open(sys.argv[3], 'w').write(json.dumps([{FIGURE!r}]))"
    assert [figure.value for figure in stages.run(STAGE, plan, argv=program(text))] == [5.0]


def test_the_plan_reaches_the_stage(plan: Plan, tmp_path: Path) -> None:
    text = "open(json.loads(sys.argv[2])['work'] + '/seen', 'w').write(sys.argv[2])"
    stages.run(STAGE, plan, argv=program(text))
    seen = json.loads((tmp_path / "s" / "seen").read_text(encoding="utf-8"))
    assert (seen["quick"], seen["seed"], seen["runs"], seen["brokers"]) == (True, 1, 1, ["tansu"])


@pytest.mark.parametrize("text", ["sys.exit(3)", "os.abort()", "pass"])
def test_a_stage_that_fails_is_said_in_every_promised_figure(plan: Plan, text: str) -> None:
    found = stages.run(STAGE, plan, argv=program(text))
    assert [figure.name for figure in found] == ["one", "two"]
    assert all("stage s" in figure.error for figure in found)


def test_a_stage_that_hangs_is_ended_with_everything_it_started(plan: Plan, tmp_path: Path) -> None:
    child = tmp_path / "child"
    text = (
        "import subprocess\n"
        "one = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(child)!r}, 'w').write(str(one.pid))\ntime.sleep(60)"
    )
    slow = Stage(name="s", module="m", quick_s=3, long_s=3, promises=("one",))
    found = stages.run(slow, plan, argv=program(text))
    assert "not done after 3 s" in found[0].error
    pid = int(child.read_text(encoding="utf-8"))
    deadline = time.monotonic() + 10
    while is_alive(pid):
        assert time.monotonic() < deadline, "the child outlived its stage"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")


def test_what_others_rely_on_is_promised_by_some_stage() -> None:
    promised = {name for stage in STAGES for name in stage.promises}
    assert {
        "gateway_eps", "normalise_eps", "reputation_eps", "reputation_vs_faust", "reputation_vs_quix",
        "reputation_vs_bare_loop", "sink_rows_per_s", "sink_vs_rowwise", "whole_path_eps", "post_to_score_p50_ms",
        "post_to_score_p99_ms",
    } <= promised  # fmt: skip


def test_every_stage_has_a_module() -> None:
    for stage in STAGES:
        assert (stages.ROOT / (stage.module.replace(".", "/") + ".py")).exists(), stage.module


def test_an_unknown_stage_is_refused_with_the_names_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["--only", "nonsense"]) == 2
    assert "reputation" in capsys.readouterr().err
