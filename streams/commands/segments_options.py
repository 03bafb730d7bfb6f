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
At = Annotated[
    str, typer.Option("--at", metavar="INSTANT", help="When; default now. 7d ago, or 2026-11-01T14:30 (UTC).")
]
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


@app.command("explain")
def segments_explain(
    file: Annotated[Path, typer.Argument(help="A file or folder with segments.")],
    recipient: Annotated[str, typer.Argument(help="An e-mail address or a recipient key.")],
    id_: Annotated[str, typer.Option("--id", help="Which segment; without it, which they are in.")] = "",
    tenant: Annotated[str, typer.Option("--tenant", help="Whose; needed where the files have several.")] = "",
    at: At = "",
    json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> None:
    """Why is somebody in a segment, or not, until when, and what would have to happen?"""
    from dashboards.segments.why import Asked
    from schemas.segments.files import load_segments
    from streams import environment
    from streams.clock import clock_ms
    from streams.commands import segments_why as command
    from streams.commands.decisions import open_store
    from streams.commands.suppression import key_of, terms_of
    from streams.local.instants import parse_instant

    def run() -> int:
        of, now = environment.settings(), clock_ms()
        segments = load_segments([file])
        whose = command.tenant_of(segments, tenant)
        key = key_of(terms_of(of, whose, now_ms=now), recipient) if "@" in recipient else recipient.strip().lower()
        moment = parse_instant(at, now, where="--at") if at else now
        asked = Asked(tenant=whose, recipient_key=key, segment_id=id_, at=moment)
        return command.run_explain(open_store(of), segments, asked, sys.stdout, as_json=json)

    end(run)


@app.command("members")
def segments_members(
    segment_id: Annotated[str, typer.Argument(metavar="ID", help="Which segment.")],
    tenant: Annotated[str, typer.Option("--tenant", help="Whose.")] = "default",
    at: At = "",
    known: Annotated[
        str, typer.Option("--as-known-at", metavar="INSTANT", help="By what was known then; default now.")
    ] = "",
    form: Annotated[str, typer.Option("--format", help="csv, jsonl or parquet; default: what --out ends in.")] = "",
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Default: stdout.")] = None,
    count: Annotated[bool, typer.Option("--count", help="Only how many.")] = False,
) -> None:
    """Who is in a segment, or was?"""
    from streams import environment
    from streams.clock import clock_ms
    from streams.commands import segments_members as command
    from streams.commands.decisions import open_store
    from streams.local.instants import parse_instant

    def run() -> int:
        of, now = environment.settings(), clock_ms()
        moment = parse_instant(at, now, where="--at") if at else None
        known_at = parse_instant(known, now, where="--as-known-at") if known else None
        asked = command.audience(tenant, segment_id, now, moment, known_at)

        def configured() -> list[str]:
            return command.configured_ids(of, tenant)

        if count:
            return command.run_count(open_store(of), asked, configured, sys.stdout)
        kind = command.format_of(form, out)
        return command.run_members(open_store(of), asked, configured, sys.stdout, out, kind)

    end(run)


@app.command("list")
def segments_list(
    tenant: Annotated[str, typer.Option("--tenant", help="Only of this one.")] = "",
    json: Annotated[bool, typer.Option("--json", help="As JSON lines.")] = False,
) -> None:
    """Which segments are there, how large are they, and who came and went in the last day?"""
    from streams import environment
    from streams.clock import clock_ms
    from streams.commands import segments_list as command
    from streams.commands.decisions import open_store

    def run() -> int:
        of = environment.settings()
        files = command.files_of(environment.config(of), of.config)
        return command.run_list(open_store(of), files, tenant, sys.stdout, clock_ms(), as_json=json)

    end(run)


@app.command("profile")
def segments_profile(
    recipient: Annotated[str, typer.Argument(help="An e-mail address or a recipient key.")],
    tenant: Annotated[str, typer.Option("--tenant", help="Whose.")] = "default",
    at: At = "",
    json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> None:
    """What is known of a recipient: engagement, last messages, best hours, consent, traits."""
    from streams import environment
    from streams.clock import clock_ms
    from streams.commands import segments_profile as command
    from streams.commands.decisions import open_store
    from streams.commands.suppression import key_of, terms_of
    from streams.local.instants import parse_instant

    def run() -> int:
        of, now = environment.settings(), clock_ms()
        key = key_of(terms_of(of, tenant, now_ms=now), recipient) if "@" in recipient else recipient.strip().lower()
        moment = parse_instant(at, now, where="--at") if at else now
        return command.run_profile(open_store(of), tenant, key, moment, sys.stdout, as_json=json)

    end(run)
