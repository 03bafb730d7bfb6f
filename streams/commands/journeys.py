"""`mailweir journeys check` and `schema`: what is wrong with files of journeys, and what they may say."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from schemas.journeys.canonical import journey_version
from schemas.journeys.files import Reading, read_journeys
from schemas.journeys.json_schema import json_schema
from schemas.segments.files import load_segments
from streams.commands.segments import counted

OK, FAILED = 0, 1


def run_check(
    paths: Sequence[Path],
    out: TextIO,
    *,
    segments: Sequence[Path] = (),
    is_strict: bool = False,
    as_json: bool = False,
) -> int:
    """Print findings by file, and how many. Exit code 1 for an error, with `is_strict` for a warning too.

    `segments`: where the segments are that journeys name; without it nothing is said of their names. Raises
    Misconfigured for a path that is not there or has no files, and for segments that are wrong.
    """
    reading = read_journeys(paths, known_segments(segments) if segments else None)
    if as_json:
        out.write(json.dumps(_as_dict(reading), indent=1) + "\n")
    else:
        out.writelines(f"{finding}\n" for finding in reading.findings)
        out.write(f"{summary(reading)}\n")
    return FAILED if reading.errors or (is_strict and reading.findings) else OK


def run_schema(out: TextIO) -> int:
    """Print the JSON Schema."""
    out.write(json.dumps(json_schema(), indent=2) + "\n")
    return OK


def known_segments(paths: Sequence[Path]) -> dict[str, set[str]]:
    """Ids of segments by tenant. Raises Misconfigured."""
    found: dict[str, set[str]] = {}
    for segment in load_segments(paths):
        found.setdefault(segment.tenant, set()).add(segment.id)
    return found


def summary(reading: Reading) -> str:
    """`3 journeys, no errors, 1 warning`."""
    errors = len(reading.errors)
    counts = ((len(reading.placed), "journey"), (errors, "error"), (len(reading.findings) - errors, "warning"))
    return ", ".join(counted(number, what) for number, what in counts)


def _as_dict(reading: Reading) -> dict[str, object]:
    journeys = [
        {
            "id": item.journey.id,
            "tenant": item.journey.tenant,
            "file": item.file,
            "version": journey_version(item.journey),
        }
        for item in reading.placed
    ]
    return {
        "journeys": journeys,
        "errors": len(reading.errors),
        "findings": [finding._asdict() for finding in reading.findings],
    }
