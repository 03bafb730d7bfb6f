"""The engines that are compared, and how one of them is run: a fresh process over a topic, then its answer."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

from benchmarks.brokers import CannotRunError
from benchmarks.peers.environments import CannotInstallError, python_of
from benchmarks.stages import ROOT
from streams.local import processes

_ANSWER = "RESULT "


class EngineFailedError(CannotRunError):
    """An engine gave no answer; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """`module` is run with BROKER TOPIC EVENTS GROUP and `more`, in environment `environment` ("": our own).

    `is_slow`: gets the small topic. `is_quick`: is part of a quick run.
    """

    name: str
    module: str
    environment: str = ""
    more: tuple[str, ...] = ()
    is_slow: bool = False
    is_quick: bool = False


ENGINES: tuple[Engine, ...] = (
    Engine(name="bare_loop", module="benchmarks.peers.bare_confluent", is_quick=True),
    Engine(name="bare_columns", module="benchmarks.bare_columns", is_quick=True),
    Engine(name="bare_aiokafka", module="benchmarks.peers.bare_aiokafka"),
    Engine(name="pathway", module="benchmarks.peers.pathway_count", environment="pathway"),
    Engine(name="faststream_batch", module="benchmarks.peers.faststream_batch", environment="faststream"),
    Engine(name="bytewax", module="benchmarks.peers.bytewax_fold", environment="bytewax", is_slow=True),
    Engine(name="quix", module="benchmarks.peers.quix", environment="quix", is_slow=True, is_quick=True),
    Engine(name="faust", module="benchmarks.peers.faust_agent", is_slow=True, is_quick=True),
    Engine(name="faust_take", module="benchmarks.peers.faust_agent", more=("take",), is_slow=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one process measured, from the first to the last event, all its threads. `is_right`: its totals."""

    events: int
    wall_s: float
    cpu_s: float
    peak_mb: float
    is_right: bool

    @property
    def eps(self) -> float:
        """Events per second."""
        return self.events / self.wall_s

    @property
    def cpu_s_per_million(self) -> float:
        """CPU seconds per million events."""
        return self.cpu_s / self.events * 1e6


def run(engine: Engine, bootstrap: str, topic: str, events: int, digest: str, log: Path, timeout_s: float) -> Answer:
    """Run the engine to the topic's end and check its totals against `digest`. Raises EngineFailedError."""
    try:
        python = python_of(engine.environment)
    except CannotInstallError as error:
        raise EngineFailedError(str(error)) from error
    group = f"bench-{engine.name}-{uuid.uuid4().hex[:8]}"
    argv = [python, "-m", engine.module, bootstrap, topic, str(events), group, *engine.more]
    found = run_worker(argv, log, timeout_s)
    return Answer(
        events=int(found["events"]),
        wall_s=float(found["wall_s"]),
        cpu_s=float(found["cpu_s"]),
        peak_mb=float(found["peak_mb"]),
        is_right=found["digest"] == digest and found["events"] == events,
    )


def run_worker(argv: list[str], log: Path, timeout_s: float) -> dict[str, float | str]:
    """Run a program until it has printed its answer and ended. Raises EngineFailedError."""
    log.unlink(missing_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "TMPDIR": str(log.parent)}
    process = processes.spawn(argv, log=log, env=environment)
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        raise EngineFailedError(f"no end after {timeout_s:.0f} s; {_last(log)}") from None
    finally:
        processes.kill(process)
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    answer = next((line for line in reversed(lines) if line.startswith(_ANSWER)), "")
    if not answer:
        raise EngineFailedError(f"ended with exit code {process.returncode} and no answer; {_last(log)}")
    found: dict[str, float | str] = json.loads(answer.removeprefix(_ANSWER))
    return found


def _last(log: Path) -> str:
    text = processes.last_lines(log, 1)
    return f"its last line was: {text[:200]}" if text else "it said nothing"
