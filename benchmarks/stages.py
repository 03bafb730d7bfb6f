"""The stages of `make bench`, each run in a process of its own.

So one stage's memory, threads and crashes are not the next one's, and a stage that hangs is ended at its
deadline; its children are tied to it and end with it. `STAGES` is the registry; a stage's module is
imported only in that process.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.figure import Figure, Plan, missing

ROOT = Path(__file__).resolve().parent.parent
_BEGAN = time.monotonic()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """`module` has `measure(plan)`. `quick_s`, `long_s`: deadlines in seconds; `quick_s` 0: not in a quick run.

    `promises`: figures that must be there, with a reason instead of a value when the stage fails.
    """

    name: str
    module: str
    quick_s: float
    long_s: float
    promises: tuple[str, ...] = ()

    def deadline_s(self, plan: Plan) -> float:
        """How long the stage may take under this plan."""
        return self.quick_s if plan.quick else self.long_s * plan.runs


REPUTATION = ("reputation_eps", "reputation_vs_faust", "reputation_vs_quix", "reputation_vs_bare_loop")
WHOLE_PATH = ("whole_path_eps", "post_to_score_p50_ms", "post_to_score_p99_ms")

STAGES: tuple[Stage, ...] = (
    Stage(name="steps", module="benchmarks.steps", quick_s=60, long_s=300),
    Stage(name="parse", module="benchmarks.parse", quick_s=120, long_s=600),
    Stage(name="normalise", module="benchmarks.normalise", quick_s=90, long_s=300, promises=("normalise_eps",)),
    Stage(name="gateway", module="benchmarks.gateway", quick_s=90, long_s=300, promises=("gateway_eps",)),
    Stage(name="reputation", module="benchmarks.reputation", quick_s=420, long_s=1_800, promises=REPUTATION),
    Stage(
        name="sink",
        module="benchmarks.sink",
        quick_s=120,
        long_s=600,
        promises=("sink_rows_per_s", "sink_vs_rowwise"),
    ),
    Stage(name="whole_path", module="benchmarks.whole_path", quick_s=240, long_s=1_500, promises=WHOLE_PATH),
    Stage(name="restart", module="benchmarks.restart", quick_s=420, long_s=900, promises=("restart_million_keys_s",)),
    Stage(
        name="suppression_check",
        module="benchmarks.suppression_check",
        quick_s=240,
        long_s=600,
        promises=("suppression_check_p99_ms",),
    ),
    Stage(name="watch", module="benchmarks.watch", quick_s=120, long_s=300, promises=("watch_core_share",)),
    Stage(
        name="viewers",
        module="benchmarks.viewers",
        quick_s=240,
        long_s=300,
        promises=("console_200_viewers_core_share",),
    ),
    Stage(
        name="segments",
        module="benchmarks.segments",
        quick_s=240,
        long_s=600,
        promises=("segments_eps", "segments_transition_p99_ms"),
    ),
    Stage(
        name="segments_evaluator",
        module="benchmarks.segments_evaluator",
        quick_s=120,
        long_s=300,
        promises=("segments_one_us", "segments_fifty_us"),
    ),
    Stage(name="segments_growth", module="benchmarks.segments_growth", quick_s=120, long_s=1_800),
    Stage(name="panels", module="benchmarks.panels", quick_s=300, long_s=1_800, promises=("panels_p95_ms",)),
    Stage(name="growth", module="benchmarks.growth", quick_s=0, long_s=1_800),
)


def chosen(names: Sequence[str], plan: Plan) -> list[Stage]:
    """The stages to run. Raises ValueError for a name that is none."""
    known = {stage.name: stage for stage in STAGES}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"there is no stage {unknown[0]!r}; the stages are {', '.join(known)}")
    if names:
        return [known[name] for name in names]
    return [stage for stage in STAGES if not plan.quick or stage.quick_s]


def run(stage: Stage, plan: Plan, *, argv: Sequence[str] = ()) -> list[Figure]:
    """The stage's figures, from a fresh process; the promised ones with an error when it failed.

    `argv`: what to run instead of this module, for tests.
    """
    work = plan.work / stage.name
    work.mkdir(parents=True, exist_ok=True)
    answer = work / "figures.json"
    answer.unlink(missing_ok=True)
    wishes = {**asdict(plan), "work": str(work)}
    del wishes["say"]
    command = [*(argv or (sys.executable, "-m", "benchmarks.stages")), stage.module, json.dumps(wishes), str(answer)]
    deadline_s = stage.deadline_s(plan) or stage.long_s
    began = time.monotonic()
    error = _ended(subprocess.Popen(command, cwd=ROOT, start_new_session=True), deadline_s)
    if not error and answer.exists():
        return [Figure(**item) for item in json.loads(answer.read_text(encoding="utf-8"))]
    reason = error or f"ended without figures after {time.monotonic() - began:.0f} s"
    return [missing(name, "", f"stage {stage.name}: {reason}") for name in stage.promises or (stage.name,)]


def _ended(process: subprocess.Popen[bytes], deadline_s: float) -> str:
    """Wait for the stage; "" when it ended well."""
    try:
        code = process.wait(deadline_s)
    except subprocess.TimeoutExpired:
        return f"not done after {deadline_s:.0f} s, so it was ended"
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return "" if code == 0 else f"failed with exit code {code}; what it said is above"


def main(argv: Sequence[str]) -> int:
    """MODULE PLAN ANSWER: measure one stage and write its figures (JSON) to the file ANSWER."""
    module, wishes, answer = argv
    given = json.loads(wishes)
    given["work"], given["brokers"] = Path(given["work"]), tuple(given["brokers"])
    figures: list[Figure] = importlib.import_module(module).measure(Plan(**given, say=_say))
    Path(answer).write_text(json.dumps([asdict(figure) for figure in figures]), encoding="utf-8")
    return 0


def _say(line: str) -> None:
    print(f"{time.monotonic() - _BEGAN:>6.0f} s  {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
