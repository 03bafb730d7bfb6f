"""The options of `mailweir policy ...`; what the commands need is imported when they run."""
# ruff: noqa: PLC0415 - imports inside commands keep the offline ones quick

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from streams.commands.ending import end

app = typer.Typer(help="Policies of mailweir.yaml.", no_args_is_help=True)


@app.command("check")
def policy_check(
    file: Annotated[Path | None, typer.Argument(help="Default: MAILWEIR_CONFIG, else mailweir.yaml.")] = None,
    tenant: Annotated[str, typer.Option(help="The table of this tenant only.")] = "",
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 for warnings, too.")] = False,
) -> None:
    """What each tenant's policy comes to, and what is odd about it."""
    from streams import environment
    from streams.commands import policy as command

    end(
        lambda: command.run_check(
            file or environment.settings().config, environment.variables(), sys.stdout, tenant=tenant, is_strict=strict
        )
    )
