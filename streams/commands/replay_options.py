"""The options of `mailweir replay`; what it needs is imported when it runs."""
# ruff: noqa: PLC0415 - imports inside commands keep the offline ones quick

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from streams.commands.ending import end

Filter = Annotated[str, typer.Option(help="Only dead letters like this.")]


def replay(
    topic: Annotated[str, typer.Option(help="Which topic; without --only-dead-letters: webhooks.")] = "",
    from_: Annotated[str, typer.Option("--from", help="From when on: 2026-11-20T00:00Z, or 6h, 7d ago.")] = "",
    until: Annotated[str, typer.Option(help="Up to when, in the same words.")] = "",
    only_dead_letters: Annotated[
        bool, typer.Option("--only-dead-letters", help="Only what could not be processed, as the store has it.")
    ] = False,
    stage: Filter = "",
    code: Filter = "",
    id_: Annotated[str, typer.Option("--id", help="Only the dead letter whose id begins so.")] = "",
    source: Annotated[str, typer.Option(help="Only of this source.")] = "",
    tenant: Annotated[str, typer.Option(help="Only of this tenant.")] = "",
    again: Annotated[bool, typer.Option("--again", help="Dead letters, too, that were replayed before.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="At most so many.")] = 10_000,
    per_second: Annotated[float, typer.Option(min=0.1, max=100_000, help="At most so many a second.")] = 200.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, do nothing.")] = False,
    why: Annotated[str, typer.Option(help="The reason; it is kept.")] = "",
    who: Annotated[str, typer.Option(help="Whose doing it is (default: your login name).")] = "",
) -> None:
    """Process again, safely: what failed, or a stretch of the raw requests."""
    filters = {"stage": stage, "code": code, "id": id_, "source": source, "tenant": tenant}
    times = {"since": from_, "until": until, "topic": topic}
    how = {"limit": limit, "per_second": per_second, "is_dry": dry_run, "again": again}
    _run(is_letters=only_dead_letters, filters=filters, who=who, why=why, **times, **how)


def _run(who: str, **given: Any) -> None:
    import getpass

    from streams import environment
    from streams.clock import clock_ms
    from streams.commands import replay as command
    from streams.commands.decisions import open_store

    def work() -> int:
        of = environment.settings()
        place = command.Place(
            kafka=of.kafka,
            codec=environment.codec(of),
            config=environment.config(of),
            store=lambda: open_store(of),
            clock_ms=clock_ms,
        )
        return command.run(command.Asked(who=who or getpass.getuser(), **given), place, sys.stdout)

    end(work)
