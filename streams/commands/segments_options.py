"""The options of `mailweir segments ...`; what the commands need is imported when they run."""
# ruff: noqa: PLC0415 - imports inside commands keep the offline ones quick

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from streams.commands.ending import end
from streams.commands.service import service

app = typer.Typer(help="Segments: named rules about recipients; and who is in them.", invoke_without_command=True)
Paths = Annotated[list[Path] | None, typer.Argument(metavar="[PATH]...", help="Files or folders. Default: segments.")]
SegmentId = Annotated[str, typer.Option("--id", help="Which segment; needed where there are several.")]
_FOLDER = Path("segments")


@app.callback(invoke_without_command=True)
def segments(context: typer.Context) -> None:
    """Keep who is in which segment."""
    if context.invoked_subcommand is None:
        service("run_segments")


@app.command("check")
def segments_check(
    paths: Paths = None,
    retention: Annotated[
        int, typer.Option("--retention-days", min=0, help="Events are kept so long; 0: for ever.")
    ] = 0,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 for warnings, too.")] = False,
    json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> None:
    """Can these segments be read, and what is odd about them?"""
    from streams.commands import segments as command

    end(
        lambda: command.run_check(
            paths or [_FOLDER], sys.stdout, retention_days=retention or None, is_strict=strict, as_json=json
        )
    )


@app.command("schema")
def segments_schema() -> None:
    """The JSON Schema of a file with segments, for editors."""
    from streams.commands import segments as command

    end(lambda: command.run_schema(sys.stdout))


@app.command("sql")
def segments_sql(paths: Paths = None, id_: SegmentId = "") -> None:
    """A segment as a query of the stored events, for clickhouse-client."""
    from schemas.segments.files import load_segments
    from streams.clock import clock_ms
    from streams.commands import segments_sql as command

    end(lambda: command.run_sql(load_segments(paths or [_FOLDER]), id_, sys.stdout, clock_ms()))


@app.command("preview")
def segments_preview(
    paths: Paths = None,
    id_: SegmentId = "",
    json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> None:
    """How many recipients a segment has by the stored events, and ten of them."""
    from schemas.segments.files import load_segments
    from streams import environment
    from streams.clock import clock_ms
    from streams.commands import segments_sql as command
    from streams.commands.decisions import open_store

    def run() -> int:
        segments = load_segments(paths or [_FOLDER])
        return command.run_preview(
            open_store(environment.settings()), segments, id_, sys.stdout, clock_ms(), as_json=json
        )

    end(run)
