"""The options of `mailweir warmup ...`; what the commands need is imported when they run."""
# ruff: noqa: PLC0415 - imports inside commands keep the offline ones quick

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from typing import Annotated

import typer

from streams.commands.ending import end

app = typer.Typer(help="Warm-up plans of new sending IPs.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


@app.command("plans")
def warmup_plans(json: AsJson = False) -> None:
    """The published plans, with their sources."""
    from streams.commands import warmup as command

    end(lambda: command.run_plans(sys.stdout, as_json=json))


@app.command("show")
def warmup_show(
    ip: Annotated[str, typer.Argument(help="Only this IP, with its last days.")] = "", json: AsJson = False
) -> None:
    """What each new IP may send today, why, and what comes next."""
    from streams import environment, wiring
    from streams.commands import warmup as command

    def work() -> int:
        of = environment.settings()
        with wiring.warmup_days(of) as days_of:
            return command.run_show(environment.config(of), days_of, ip, _today(), sys.stdout, as_json=json)

    end(work)


@app.command("check")
def warmup_check() -> None:
    """Are the plans and the configured warm-ups sound?"""
    from streams import environment
    from streams.commands import warmup as command

    end(lambda: command.run_check(environment.config(environment.settings()), _today(), sys.stdout))


def _today() -> date:
    from streams.clock import clock_ms

    return datetime.fromtimestamp(clock_ms() / 1000, UTC).date()
