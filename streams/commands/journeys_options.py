"""The options of `mailweir journeys ...`; what the commands need is imported when they run."""
# ruff: noqa: PLC0415 - imports inside commands keep the offline ones quick

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from streams.commands.ending import end

app = typer.Typer(help="Journeys: what happens to somebody from an event or a segment on.", no_args_is_help=True)
Paths = Annotated[list[Path] | None, typer.Argument(metavar="[PATH]...", help="Files or folders. Default: journeys.")]
Segments = Annotated[
    list[Path] | None, typer.Option("--segments", metavar="PATH", help="Where the segments are that they name.")
]
Json = Annotated[bool, typer.Option("--json", help="As one JSON object.")]
_FOLDER = Path("journeys")


@app.command("check")
def journeys_check(
    paths: Paths = None,
    segments: Segments = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 for warnings, too.")] = False,
    json: Json = False,
) -> None:
    """Can these journeys be read, and what is odd about them?"""
    from streams.commands import journeys as command

    end(
        lambda: command.run_check(
            paths or [_FOLDER], sys.stdout, segments=segments or (), is_strict=strict, as_json=json
        )
    )


@app.command("schema")
def journeys_schema() -> None:
    """The JSON Schema of a file with journeys, for editors."""
    from streams.commands import journeys as command

    end(lambda: command.run_schema(sys.stdout))


@app.command("simulate")
def journeys_simulate(
    paths: Paths = None,
    id_: Annotated[str, typer.Option("--id", help="Which journey; needed where there are several.")] = "",
    segments: Segments = None,
    since: Annotated[
        str, typer.Option("--since", metavar="INSTANT", help="Runs that entered from then on: 30d ago, 2026-11-01.")
    ] = "",
    until: Annotated[str, typer.Option("--until", metavar="INSTANT", help="Up to when; default now.")] = "",
    json: Json = False,
) -> None:
    """What would a journey have done, by the stored events? Nothing is sent."""
    from schemas.journeys.files import load_journeys
    from schemas.segments.files import load_segments
    from streams import environment
    from streams.clock import clock_ms
    from streams.commands import journeys as check
    from streams.commands import journeys_simulate as command
    from streams.commands.decisions import open_store
    from streams.local.instants import parse_instant

    def run() -> int:
        now = clock_ms()
        begin = parse_instant(since, now, where="--since") if since else 0
        upto = parse_instant(until, now, where="--until") if until else now
        asked = command.Asked(journey_id=id_, since=begin, until=upto)
        known = check.known_segments(segments) if segments else {}
        journeys = load_journeys(paths or [_FOLDER], known)
        followed = load_segments(segments) if segments else []
        return command.run_simulate(
            open_store(environment.settings()), journeys, followed, asked, sys.stdout, as_json=json
        )

    end(run)


@app.command("explain")
def journeys_explain(
    recipient: Annotated[str, typer.Argument(help="An e-mail address or a recipient key.")],
    id_: Annotated[str, typer.Option("--id", help="Which journey; default all.")] = "",
    tenant: Annotated[str, typer.Option("--tenant", help="Whose.")] = "default",
    json: Json = False,
) -> None:
    """What have journeys done with somebody, step by step?"""
    from streams import environment
    from streams.clock import clock_ms
    from streams.commands import journeys_explain as command
    from streams.commands.decisions import open_store
    from streams.commands.suppression import key_of, terms_of

    def run() -> int:
        of = environment.settings()
        is_address = "@" in recipient
        key = key_of(terms_of(of, tenant, now_ms=clock_ms()), recipient) if is_address else recipient.strip().lower()
        asked = command.Asked(tenant=tenant, recipient_key=key, journey_id=id_)
        return command.run_explain(open_store(of), asked, sys.stdout, as_json=json)

    end(run)
