"""The whole pipeline as a test sees it: real processes, real HTTP, a disturbance, and the report."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sinks.clickhouse import connect
from streams.commands.demo_segments import settled
from streams.local.demonstration import Demonstration, Wishes, demo_segments
from streams.local.workspace import Workspace
from streams.simulator.prober import Prober
from streams.simulator.report import build_report, wait_until_stored
from streams.simulator.simulator import Simulator

STORED_S = 90.0
_AROUND_S = 240.0  # to start, to store what is left, to read it all: before pytest's own limit, which shows nothing
_LOG_LINES = 25
Disturb = Callable[[Demonstration], Coroutine[Any, Any, None]]


@dataclass(frozen=True, kw_only=True)
class Ride:
    """One run: which senders, for how long, at which rate, on which broker ("": the local one)."""

    scenario: str
    duration_s: float
    rate: float = 200.0
    seed: int = 7
    kafka: str = ""


async def undisturbed(_show: Demonstration) -> None:
    """Leave it in peace."""


async def ride(run: Ride, folder: Path, disturb: Disturb = undisturbed) -> tuple[dict[str, Any], list[str]]:
    """Run it; the report, and what the stack said meanwhile."""
    said: list[str] = []
    began = time.monotonic()
    simulator = Simulator(run.scenario, run.seed, run.rate, run.duration_s)
    environ = {name: text for name, text in os.environ.items() if not name.startswith("MAILWEIR_")}
    with Workspace(folder) as workspace:

        def say(line: str) -> None:
            said.append(f"{time.monotonic() - began:5.1f} s, {simulator.progress.events} events: {line}")

        show = Demonstration(workspace, simulator, Wishes(environ=environ, kafka=run.kafka), report=say)
        problems = ["it did not come to its end"]
        try:
            async with asyncio.timeout(run.duration_s + _AROUND_S):
                await show.start()
                report = await _measured(show, disturb, say)
            problems = report["problems"]
            return report, said
        finally:
            if problems:
                _tell(problems, said, folder)
            await show.stop()


def _tell(problems: list[str], said: list[str], folder: Path) -> None:
    """What pytest shows when the test fails: without it a rare failure leaves nothing to go by."""
    lines = [*problems, *said]
    for log in sorted(folder.rglob("*.log")):
        written = log.read_text(encoding="utf-8", errors="replace").splitlines()
        lines += [f"--- {log.name}", *written[-_LOG_LINES:]]
    sys.stderr.write("\n".join([*lines, ""]))


async def _measured(show: Demonstration, disturb: Disturb, say: Callable[[str], None]) -> dict[str, Any]:
    disturbing = asyncio.create_task(disturb(show))

    def end_early(done: asyncio.Task[Any]) -> None:
        if not done.cancelled() and done.exception() is not None:
            show.simulator.stop()

    disturbing.add_done_callback(end_early)
    client, second = connect(show.stack.clickhouse), connect(show.stack.clickhouse)
    prober = Prober(second, show.simulator.truth)
    probing = asyncio.create_task(prober.run())
    try:
        await show.traffic(lambda _line: None)
        await disturbing
        say("the traffic ended")
        began = time.monotonic()
        await wait_until_stored(client, show.simulator.truth, STORED_S, patience_s=STORED_S)
        took_s = time.monotonic() - began
        say("all was stored, or waited for long enough")
        compared = await settled(client, demo_segments(), STORED_S)
        figures = list(prober.end_to_end_ms)
        report = await asyncio.to_thread(build_report, client, show.simulator.truth, compared, figures)
        return report | {"stored_after_s": round(took_s, 1)}
    finally:
        disturbing.cancel()
        probing.cancel()
        await asyncio.wait({probing, disturbing})
        client.close()
        second.close()


async def until(condition: Callable[[], bool], what: str, timeout_s: float = 60.0) -> None:
    """Wait for a condition; AssertionError naming `what` when it does not come."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout_s:g} s in vain for {what}"
        await asyncio.sleep(0.05)
