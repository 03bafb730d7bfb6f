"""`mailweir classify`: SMTP replies, or whole bounce mails, to bounce classes. Offline, no services.

Output is one JSON line per reply (or per recipient of a mail): `input` and the keys of the bounce class.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TextIO

from connectors.bounces import classify
from connectors.dsn import Report, reports
from schemas.events import BounceClass

OK, FAILED = 0, 1
_LARGEST_MAIL = 50 * 1024 * 1024  # bytes; more than any server returns


def run(lines: Iterable[str | bytes], out: TextIO, *, as_json: bool = True) -> int:  # noqa: ARG001 - the only form
    """Classify every line; empty lines are skipped. Returns the exit code.

    A text stream is read as bytes where it can be, so that a line in another encoding does no harm.
    """
    for line in getattr(lines, "buffer", lines):
        reply = (line.decode("utf-8", "replace") if isinstance(line, bytes) else line).rstrip("\r\n")
        if reply.strip():
            out.write(_line({"input": reply, **as_dict(classify(reply))}))
    return OK


def run_dsn(paths: Sequence[Path], out: TextIO, err: TextIO) -> int:
    """One JSON line per recipient found in the mails; a file without any is named on `err` (exit 1)."""
    code = OK
    for path in paths:
        try:
            with path.open("rb") as file:
                mail = file.read(_LARGEST_MAIL)
        except OSError as error:
            err.write(f"{path}: cannot be read ({error.strerror})\n")
            code = FAILED
            continue
        found = reports(mail)
        if not found:
            err.write(f"{path}: no bounced recipient found; is this a bounce mail?\n")
            code = FAILED
        out.writelines(_line(_report(path, report)) for report in found)
    return code


def as_dict(found: BounceClass) -> dict[str, Any]:
    """The bounce class with the field names of the canonical event."""
    return {
        "reason": found.reason.value,
        "scope": found.scope.value,
        "permanence": found.permanence.value,
        "action": found.action.value,
        "retry_after_s": found.retry_after_s or None,
        "blocklist": found.blocklist or None,
        "rule": found.rule or None,
        "confidence": found.confidence,
    }


def _report(path: Path, report: Report) -> dict[str, Any]:
    return {
        "input": str(path),
        "recipient": report.recipient or None,
        "dsn_action": report.action or None,
        "status": report.status or None,
        "diagnostic": report.diagnostic or None,
        **as_dict(report.bounce),
    }


def _line(fields: dict[str, Any]) -> str:
    return json.dumps(fields) + "\n"
