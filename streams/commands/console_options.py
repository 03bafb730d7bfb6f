"""The options of `mailweir console ...`; what the commands need is imported when they run."""
# ruff: noqa: PLC0415 - imports inside commands keep the offline ones quick

from __future__ import annotations

import sys
from typing import Annotated

import typer

from schemas.console import Role
from streams.commands.ending import end
from streams.commands.service import service

app = typer.Typer(help="The live page and the read API; and who may see them.", invoke_without_command=True)
user = typer.Typer(help="Entries for the file of users.", no_args_is_help=True)
app.add_typer(user, name="user")


@app.callback(invoke_without_command=True)
def console(context: typer.Context) -> None:
    """Serve the console."""
    if context.invoked_subcommand is None:
        service("run_console")


@user.command("add")
def console_user_add(
    name: Annotated[str, typer.Argument(help="As rulings record it.")],
    role: Annotated[Role, typer.Option(help="viewer sees, operator rules, admin configures.")],
    tenant: Annotated[list[str], typer.Option(help='Whose rows they see; repeatable. "*": all.')],
    token: Annotated[bool, typer.Option("--token", help="For a script: a token in place of a password.")] = False,
) -> None:
    """Print an entry for the file of users; the password is asked for."""
    from streams.commands import console_user as command

    end(lambda: command.run_add(name, role, tenant, sys.stdout, sys.stderr, None if token else _password))


def _password() -> str:
    """From the terminal, twice; from a pipe its first line."""
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt="Once more", err=True))
    return sys.stdin.readline().rstrip("\r\n")
