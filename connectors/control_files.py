"""Puts a line into a file that a mail server reads, in one step: a reader sees the old file or the new one.

The new text goes to a file beside it, onto the disk, and then takes its name (POSIX rename). Only one process may
write such a file; within a process the call does not give way to other tasks.
"""

from __future__ import annotations

import os
from pathlib import Path

from connectors.controls.effects import FileLine
from schemas.errors import FailureCode, Misconfigured, Permanent, Transient

MAX_BYTES = 1024 * 1024  # some ten thousand campaigns held at once; more is a mistake somewhere
MODE = 0o644  # the mail server reads it as another user


def write(line: FileLine) -> None:
    """Bring the file to hold this line, or not to. Blocks for a few milliseconds.

    Raises Misconfigured when the file or its folder cannot be written, Transient when the disk fails, Permanent when
    the file is not ours or too large.
    """
    path = Path(line.path)
    try:
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        new = changed(old, line)
        if new != old:
            _replace(path, new)
    except (PermissionError, FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise Misconfigured(
            f"control.path: {path} cannot be written ({error.strerror}); create its folder and let mailweir write there"
        ) from error
    except UnicodeDecodeError as error:
        raise Permanent(FailureCode.ACTION_REFUSED, f"{path} is no text; is `control.path` right?") from error
    except OSError as error:
        raise Transient(f"{path} could not be written ({error.strerror})") from error


def changed(text: str, line: FileLine) -> str:
    """The text with the line in the place of the one that begins like it, else at the end; or without it."""
    lines = text.splitlines() or [line.heading]
    if lines[0] != line.heading:
        detail = f"{line.path} was not written by mailweir; name a file of its own as `control.path`"
        raise Permanent(FailureCode.ACTION_REFUSED, detail)
    kept = [old for old in lines if not old.startswith(line.start)]
    if line.line:
        kept.append(line.line)
    new = "\n".join(kept) + "\n"
    if len(new.encode()) > MAX_BYTES:
        raise Permanent(FailureCode.ACTION_REFUSED, f"{line.path} has grown to {MAX_BYTES} bytes; remove old lines")
    return new


def _replace(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.new")
    with beside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.chmod(MODE)
    beside.replace(path)
