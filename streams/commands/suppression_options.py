"""The options of `mailweir suppression ...`; what the commands need is imported when they run."""
# ruff: noqa: PLC0415 - imports inside commands keep the offline ones quick

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.commands.ending import end
from streams.commands.service import service

if TYPE_CHECKING:
    from streams.suppression.exchange import Exchange

app = typer.Typer(help="Who must not be mailed, and tools around it.", invoke_without_command=True)
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, do nothing.")]
Of = Annotated[str, typer.Option("--tenant", help="Whose list.")]
Stream = Annotated[str, typer.Option(help="Only mail of this stream; without it, all mail of the tenant.")]
Who = Annotated[str, typer.Option(help="Your name, for the record.")]
Why = Annotated[str, typer.Option(help="The reason, for the record.")]
Source = Annotated[str, typer.Argument(help="The source's name in mailweir.yaml.")]
Recipients = Annotated[list[str], typer.Argument(help="Addresses or recipient keys.")]


@app.callback(invoke_without_command=True)
def suppression(context: typer.Context) -> None:
    """Keep the suppression list, answer who may be mailed."""
    if context.invoked_subcommand is None:
        service("run_suppression")


@app.command("import")
def suppression_import(
    file: Annotated[Path, typer.Argument(help="CSV with a header line, or JSON lines.")],
    who: Who,
    tenant: Of = "default",
    cause: Annotated[str, typer.Option(help="For lines that do not say.")] = "imported",
    stream: Stream = "",
    column: Annotated[
        list[str] | None, typer.Option("--map", help="FIELD=COLUMN, for a column of another name.")
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Take a list in from a file."""
    from dataclasses import replace

    from streams import environment
    from streams.clock import clock_ms
    from streams.commands import suppression as command

    def work() -> int:
        of = environment.settings()
        terms = command.terms_of(of, tenant, now_ms=clock_ms(), who=who, cause=cause, stream=stream)
        terms = replace(terms, columns=command.mapping_of(column or []), source=file.name)
        return command.run_import(of, file, terms, dry_run=dry_run, out=sys.stderr)

    end(work)


@app.command("export")
def suppression_export(
    tenant: Of = "default",
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV instead of JSON lines.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Also what has ended or was removed.")] = False,
) -> None:
    """Write the list to stdout."""
    from streams import environment
    from streams.clock import clock_ms
    from streams.commands import suppression as command

    def work() -> int:
        of = environment.settings()
        command.terms_of(of, tenant, now_ms=0)
        return command.run_export(of, tenant, sys.stdout, now_ms=clock_ms(), as_csv=as_csv, everything=everything)

    end(work)


@app.command("add")
def suppression_add(
    recipients: Recipients,
    who: Who,
    why: Why,
    tenant: Of = "default",
    cause: Annotated[str, typer.Option(help="What for.")] = "manual",
    stream: Stream = "",
) -> None:
    """Suppress recipients."""
    from streams import environment
    from streams.clock import clock_ms
    from streams.commands import suppression as command

    def work() -> int:
        of = environment.settings()
        terms = command.terms_of(of, tenant, now_ms=clock_ms(), who=who, cause=cause, stream=stream)
        return command.run_add(of, terms, recipients, why, sys.stdout)

    end(work)


@app.command("remove")
def suppression_remove(
    recipients: Recipients,
    cause: Annotated[str, typer.Option(help="Which cause; the others stay.")],
    who: Who,
    why: Why,
    tenant: Of = "default",
    stream: Stream = "",
) -> None:
    """Take one cause back."""
    from streams import environment
    from streams.clock import clock_ms
    from streams.commands import suppression as command

    def work() -> int:
        of = environment.settings()
        terms = command.terms_of(of, tenant, now_ms=clock_ms(), who=who, cause=cause, stream=stream)
        return command.run_remove(of, terms, recipients, why, sys.stdout)

    end(work)


@app.command("check")
def suppression_check(recipients: Recipients, tenant: Of = "default", stream: Stream = "") -> None:
    """What forbids mail to these recipients."""
    from streams import environment
    from streams.clock import clock_ms
    from streams.commands import suppression as command

    def work() -> int:
        of = environment.settings()
        terms = command.terms_of(of, tenant, now_ms=clock_ms(), stream=stream)
        return command.run_check(of, terms, recipients, sys.stdout)

    end(work)


@app.command("pull")
def suppression_pull(
    source: Source,
    since: Annotated[str, typer.Option(help="Only entries since then: 30d ago, or 2026-11-01 (UTC).")] = "",
    dry_run: DryRun = False,
) -> None:
    """Take in the list that a source's service keeps."""
    from streams import environment
    from streams.clock import clock_ms
    from streams.commands import suppression_sync as command
    from streams.local.instants import parse_instant

    async def pull(exchange: Exchange) -> int:
        of = environment.settings()
        since_ms = parse_instant(since, clock_ms(), where="--since") if since else 0
        party = command.party_of(of, source)
        return await command.run_pull(of, party, exchange, sys.stderr, since_ms=since_ms, dry_run=dry_run)

    end(lambda: _exchanging(pull))


@app.command("push")
def suppression_push(
    source: Source,
    addresses: Annotated[
        Path | None, typer.Option(help="A file: one address a line, or what `import` takes. Those on our list are put.")
    ] = None,
    origin: Annotated[
        str, typer.Option("--from", metavar="SOURCE", help="Another source: what its service's list says is put.")
    ] = "",
    dry_run: DryRun = False,
) -> None:
    """Put addresses on the list that a source's service keeps."""
    from schemas.errors import Misconfigured
    from streams import environment
    from streams.commands import suppression_sync as command

    async def push(exchange: Exchange) -> int:
        of = environment.settings()
        party = command.party_of(of, source)
        if addresses is not None and not origin:
            return await command.run_push_file(of, party, exchange, addresses, sys.stderr, dry_run=dry_run)
        if origin and addresses is None:
            other = command.party_of(of, origin)
            return await command.run_push_from(party, other, exchange, sys.stderr, dry_run=dry_run)
        raise Misconfigured("say whose addresses: --addresses FILE, or --from SOURCE")

    end(lambda: _exchanging(push))


def _exchanging(work: Callable[[Exchange], Awaitable[int]]) -> int:
    """Run with an HTTP client."""
    import asyncio

    import httpx

    from streams.clock import clock_ms
    from streams.suppression.exchange import Exchange

    async def run() -> int:
        async with httpx.AsyncClient() as client:
            return await work(Exchange(client, clock_ms, asyncio.sleep))

    return asyncio.run(run())
