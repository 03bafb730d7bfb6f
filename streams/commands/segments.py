"""`mailweir segments check` and `schema`: what is wrong with files of segments, and what they may say."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from schemas.segments.canonical import rule_version
from schemas.segments.files import Reading, read_segments
from schemas.segments.json_schema import json_schema

OK, FAILED = 0, 1


def run_check(
    paths: Sequence[Path],
    out: TextIO,
    *,
    retention_days: int | None = None,
    is_strict: bool = False,
    as_json: bool = False,
) -> int:
    """Print findings by file, and how many. Exit code 1 for an error, with `is_strict` for a warning too.

    Raises Misconfigured for a path that is not there or has no files.
    """
    reading = read_segments(paths, retention_days)
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


def summary(reading: Reading) -> str:
    """`10 segments, no errors, 2 warnings`."""
    errors = len(reading.errors)
    counts = ((len(reading.placed), "segment"), (errors, "error"), (len(reading.findings) - errors, "warning"))
    return ", ".join(counted(number, what) for number, what in counts)


def counted(number: int, what: str) -> str:
    """`no errors`, `1 error`, `2 errors`."""
    return f"{number or 'no'} {what}" if number == 1 else f"{number or 'no'} {what}s"


def _as_dict(reading: Reading) -> dict[str, object]:
    segments = [
        {"id": item.segment.id, "tenant": item.segment.tenant, "file": item.file, "version": rule_version(item.segment)}
        for item in reading.placed
    ]
    findings = [finding._asdict() for finding in reading.findings]
    return {"segments": segments, "errors": len(reading.errors), "findings": findings}
