"""The options of `mailweir decisions ...`; what the commands need is imported when they run."""
# ruff: noqa: PLC0415 - imports inside commands keep the offline ones quick

from __future__ import annotations

import sys
from typing import Annotated

import typer

from streams.commands.ending import end

app = typer.Typer(help="What was decided, and your word on it.", no_args_is_help=True)
Why = Annotated[str, typer.Option(help="The reason; it is kept.")]
Who = Annotated[str, typer.Option(help="Whose word it is (default: your login name).")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of text.")]
DecisionId = Annotated[str, typer.Argument(metavar="ID", help="As much of its id as is unique.")]


@app.command("list")
def decisions_list(
    tenant: Annotated[str, typer.Option(help="Only this tenant's.")] = "",
    state: Annotated[str, typer.Option(help="Only those in this state, e.g. waiting.")] = "",
    campaign: Annotated[str, typer.Option(help="Only those about this campaign.")] = "",
    since: Annotated[str, typer.Option(help="Only those of the last 24h, 7d, ...")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
    json: Annotated[bool, typer.Option("--json", help="JSON lines instead of a table.")] = False,
) -> None:
    """Decisions, newest first, and where each stands."""
    from streams import environment
    from streams.clock import clock_ms
    from streams.commands import decisions as command

    asked = command.Asked(tenant=tenant, state=state, campaign=campaign, since=since, limit=limit)
    end(
        lambda: command.run_list(
            command.open_store(environment.settings()), asked, sys.stdout, clock_ms(), width=_width(), as_json=json
        )
    )


@app.command("show")
def decisions_show(id_: DecisionId, json: AsJson = False) -> None:
    """One decision: why, from which evidence, who said what, what came of it."""
    from streams import environment
    from streams.clock import clock_ms
    from streams.commands import decisions as command

    end(
        lambda: command.run_show(
            command.open_store(environment.settings()), id_, sys.stdout, clock_ms(), width=_width(), as_json=json
        )
    )


@app.command("approve")
def decisions_approve(id_: DecisionId, why: Why, who: Who = "") -> None:
    """Let a waiting decision be carried out."""
    _rule("approve", id_, who, why)


@app.command("reject")
def decisions_reject(id_: DecisionId, why: Why, who: Who = "") -> None:
    """Say no to a waiting decision."""
    _rule("reject", id_, who, why)


@app.command("revert")
def decisions_revert(id_: DecisionId, why: Why, who: Who = "") -> None:
    """Take back what was carried out."""
    _rule("revert", id_, who, why)


def _rule(verb: str, id_: str, who: str, why: str) -> None:
    import getpass

    from schemas.remediation import Verb
    from streams import environment
    from streams.clock import clock_ms
    from streams.commands import decisions as command
    from streams.wiring.ruling_log import RulingLog

    def work() -> int:
        of = environment.settings()
        log = RulingLog(of)
        try:
            person = who or getpass.getuser()
            return command.run_rule(
                command.open_store(of), id_, Verb(verb), person, why, log.append, sys.stdout, clock_ms()
            )
        finally:
            log.close()

    end(work)


def _width() -> int:
    """Columns of the terminal; 80 where there is none."""
    import shutil

    return shutil.get_terminal_size().columns
