"""The options of `mailweir reputation ...`; what the commands need is imported when they run."""
# ruff: noqa: PLC0415 - imports inside commands keep the offline ones quick

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from streams.commands.ending import end
from streams.commands.service import service

app = typer.Typer(help="Count, score, and tools around it.", invoke_without_command=True)
Parameters = Annotated[Path | None, typer.Option(help="Learned numbers (default: MAILWEIR_PARAMETERS).")]


@app.callback(invoke_without_command=True)
def reputation(context: typer.Context) -> None:
    """Count events, score every key."""
    if context.invoked_subcommand is None:
        service("run_reputation")


@app.command()
def simulate(
    runs: Annotated[int, typer.Option(min=1, help="Campaigns per kind.")] = 200,
    seed: Annotated[int, typer.Option(help="Same seed, same messages.")] = 7,
    parameters: Parameters = None,
    json: Annotated[Path | None, typer.Option("--json", help="Also write the figures to this file.")] = None,
) -> None:
    """False alarms and delays of the current detectors on simulated campaigns."""
    from streams import environment
    from streams.commands import simulate_reputation as command
    from streams.commands.numbers import numbers_of

    def work() -> int:
        numbers = numbers_of(environment.settings(), parameters)
        return command.run(runs=runs, seed=seed, json_path=json, out=sys.stdout, parameters=numbers)

    end(work)


@app.command()
def backtest(
    since: Annotated[str, typer.Option(help="From when: 7d, 24h ago, or 2026-11-01 (UTC).")],
    until: Annotated[str, typer.Option(help="Until when; without it, the last stored event.")] = "",
    policy: Annotated[Path | None, typer.Option(help="File with the `policies:` to try (default: yours).")] = None,
    tenant: Annotated[str, typer.Option(help="Only this tenant's mail.")] = "",
    parameters: Parameters = None,
    json: Annotated[Path | None, typer.Option("--json", help="Also write everything to this file.")] = None,
) -> None:
    """What a policy would have decided on stored events, and what that would have saved."""
    import time

    from rich.console import Console

    from streams import environment
    from streams.clock import clock_ms
    from streams.commands import backtest as command
    from streams.commands import decisions as stored

    def work() -> int:
        of = environment.settings()
        rules = command.rules_of(of, policy, parameters, environment.variables())
        asked = command.Asked(since=since, until=until, tenant=tenant, json_path=json)
        screen = Console(stderr=True)
        return command.run(stored.open_store(of), asked, rules, sys.stdout, screen, clock_ms(), time.monotonic)

    end(work)


@app.command()
def learn(
    since: Annotated[str, typer.Option(help="From when: 30d ago, or 2026-11-01 (UTC).")],
    until: Annotated[str, typer.Option(help="Until when; without it, the last stored event.")] = "",
    out: Annotated[Path | None, typer.Option(help="The file to write (default: stdout).")] = None,
) -> None:
    """Numbers for the detectors from stored events, for MAILWEIR_PARAMETERS."""
    from streams import environment
    from streams.clock import clock_ms
    from streams.commands import decisions as stored
    from streams.commands import learn as command

    asked = command.Asked(since=since, until=until, path=out)
    end(lambda: command.run(stored.open_store(environment.settings()), asked, sys.stdout, sys.stderr, clock_ms()))
