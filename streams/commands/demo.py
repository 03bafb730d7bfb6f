"""`mailweir demo`: the whole pipeline on this machine with simulated senders, and a report on how it did."""

from __future__ import annotations

import asyncio
import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clickhouse_connect.driver.exceptions import ClickHouseError
from rich.console import Console

from schemas.errors import Misconfigured, Transient
from schemas.settings import load_settings
from sinks.clickhouse import connect, translate
from streams.commands.demo_segments import settled
from streams.commands.up import fixed_ports, preferred_ports, say, say_error
from streams.local.demonstration import Demonstration, Wishes, demo_segments
from streams.local.durations import parse_duration
from streams.local.interrupt import Interrupt
from streams.local.progress import ProgressLine
from streams.local.workspace import Workspace
from streams.simulator.prober import Prober
from streams.simulator.report import build_report, render, wait_until_stored
from streams.simulator.scenarios import SCENARIOS
from streams.simulator.simulator import Simulator

ENDLESS_SENDS_S = 240.0  # the bad campaign begins after a quarter; memory of broker and truth stays bounded
_STORED_S = 60.0  # how long the pipeline may need for the rest after the last post, and then for transitions
_STORED_INTERRUPTED_S = 10.0  # the same when somebody waits for the prompt
_HIGHEST_RATE = 20_000.0
_OWN = "MAILWEIR_"
_KEPT = frozenset({"MAILWEIR_LOG_LEVEL"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """A checked command line. `for_s` None: the stack stays up after the senders have ended, until Ctrl-C."""

    for_s: float | None
    rate: float
    seed: int
    scenario: str
    is_live: bool
    json_path: Path | None


def run(
    *,
    for_: str,
    rate: float,
    seed: int,
    scenario: str,
    headless: bool,
    json_path: Path | None,
    environ: Mapping[str, str],
    console: Console | None = None,
) -> int:
    """Run the demo; the exit code: 0 fine, 1 events were lost or the stack failed.

    Raises Misconfigured for a wrong option or a port that is taken.
    """
    console = console or Console()
    options = Options(
        for_s=parse_duration(for_, where="--for") if for_ else None,
        rate=_checked_rate(rate),
        seed=seed,
        scenario=_checked_scenario(scenario),
        is_live=console.is_terminal and not headless,
        json_path=_checked_path(json_path),
    )
    settings = load_settings(environ)
    wishes = Wishes(
        environ={name: text for name, text in environ.items() if not name.startswith(_OWN) or name in _KEPT},
        preferred=preferred_ports(settings),
        fixed=fixed_ports(environ),
    )
    with Workspace() as workspace:
        try:
            return asyncio.run(_demonstrate(workspace, options, wishes, console))
        except Transient as error:
            workspace.keep()
            say_error(console, error)
            return 1


async def _demonstrate(workspace: Workspace, options: Options, wishes: Wishes, console: Console) -> int:
    simulator = Simulator(options.scenario, options.seed, options.rate, options.for_s or ENDLESS_SENDS_S)
    show = Demonstration(workspace, simulator, wishes, report=lambda line: say(console, f"  {line}"))
    with Interrupt(again=show.stack.kill_all) as interrupt:
        try:
            say(console, f"mailweir demo, scenario {options.scenario}; starting (data and logs: {workspace.folder})")
            await interrupt.race(show.start())
            if interrupt.is_set:
                return 1
            _say_ready(show, options, console)
            report = await _traffic(show, interrupt, options, console)
            if report is None:
                return 1
            is_complete = not interrupt.is_set
            _publish(report, options, console)
            if options.for_s is None and not interrupt.is_set:
                say(console, f"The senders have ended; {show.stack.console_url} stays until Ctrl-C.")
                await interrupt.wait()
            return 1 if has_failed(report, is_complete=is_complete) else 0
        finally:
            say(console, "stopping ...")
            await show.stop()


async def _traffic(
    show: Demonstration, interrupt: Interrupt, options: Options, console: Console
) -> dict[str, Any] | None:
    """The report; None after a second Ctrl-C. Raises Transient when a service was given up."""
    work = asyncio.create_task(interrupt.race_urgent(_send_and_compare(show, interrupt, options, console)))
    failing = asyncio.create_task(show.stack.wait_for_failure())
    try:
        await asyncio.wait({work, failing}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            return work.result()
        raise Transient(failing.result())
    finally:
        for task in (work, failing):
            task.cancel()
        await asyncio.wait({work, failing})


async def _send_and_compare(
    show: Demonstration, interrupt: Interrupt, options: Options, console: Console
) -> dict[str, Any]:
    """Send, wait until all is stored, compare. Ctrl-C ends the sending early, not the comparison."""
    truth, url = show.simulator.truth, show.stack.clickhouse
    client, probing_client = await asyncio.to_thread(connect, url), await asyncio.to_thread(connect, url)
    prober = Prober(probing_client, truth)
    probing = asyncio.create_task(prober.run())
    try:
        with ProgressLine(console, is_live=options.is_live) as line:
            await _send(show, interrupt, line)
            say(console, "the senders have ended; waiting until everything is stored ...")
            deadline_s = _STORED_INTERRUPTED_S if interrupt.is_set else _STORED_S
            await wait_until_stored(client, truth, deadline_s)
            compared = await settled(client, demo_segments(), deadline_s)
        return await asyncio.to_thread(build_report, client, truth, compared, list(prober.end_to_end_ms))
    except ClickHouseError as error:
        raise translate(error, "comparing what was sent with what is stored") from error
    finally:
        probing.cancel()
        await asyncio.wait({probing})
        client.close()
        probing_client.close()


async def _send(show: Demonstration, interrupt: Interrupt, line: ProgressLine) -> None:
    sending = asyncio.create_task(show.traffic(line.show))
    interrupted = asyncio.create_task(interrupt.wait())
    try:
        await asyncio.wait({sending, interrupted}, return_when=asyncio.FIRST_COMPLETED)
        show.simulator.stop()
        await sending
    finally:
        interrupted.cancel()
        sending.cancel()


def has_failed(report: Mapping[str, Any], *, is_complete: bool) -> bool:
    """Whether events were lost, made up or miscounted, or members of segments are wrong.

    An interrupted run may not have counted to the end.
    """
    broken = any(report[name] for name in ("lost", "unexpected", "stored_twice", "forged_accepted"))
    segments = report["segments"]
    is_wrong = bool(report["count_mismatches"] or segments["oracle_mismatches"] or segments["misnumbered"])
    return broken or bool(report["activities"]["lost"]) or (is_complete and is_wrong)


def _publish(report: dict[str, Any], options: Options, console: Console) -> None:
    console.print(render(report))
    if options.json_path is not None:
        options.json_path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        say(console, f"report written to {options.json_path}")


def _say_ready(show: Demonstration, options: Options, console: Console) -> None:
    stack = show.stack
    duration = f"for {options.for_s:g} s" if options.for_s else f"for {ENDLESS_SENDS_S / 60:g} minutes"
    say(console, f"console     {stack.console_url}")
    say(console, f"ClickHouse  {stack.clickhouse} (database mailweir)")
    say(console, f"Kafka       {stack.kafka}")
    say(console, f"senders     {options.rate:g} events/s {duration} to {stack.gateway_url}; Ctrl-C ends it")


def _checked_rate(rate: float) -> float:
    if not 0 < rate <= _HIGHEST_RATE:
        raise Misconfigured(f"--rate: {rate:g} must be above 0 and at most {_HIGHEST_RATE:g} events per second")
    return rate


def _checked_scenario(name: str) -> str:
    known = [scenario.name for scenario in SCENARIOS]
    if name in known:
        return name
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise Misconfigured(f"--scenario: no scenario {name!r}; {hint}known: {', '.join(known)}")


def _checked_path(path: Path | None) -> Path | None:
    """Refuse a report file that cannot be written before a minute is spent on it."""
    if path is None:
        return None
    is_new = not path.exists()
    try:
        with path.open("a", encoding="utf-8"):
            pass
    except OSError as error:
        raise Misconfigured(f"--json: {path} cannot be written ({error.strerror}); choose another file") from error
    if is_new:
        path.unlink()
    return path
