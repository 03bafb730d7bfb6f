"""Segments from files: `*.yaml`, `*.yml` and `*.json`, one by one or all of a folder.

A file holds one segment, a list of them, or `segments:` with a list; beside that may stand `tenant:` for all of the
file. What cannot be read is a finding with its file and place; the others are read all the same. Bounded: a file's
size, the number of files and of segments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from schemas.config import DEFAULT_TENANT
from schemas.errors import Misconfigured
from schemas.nearest import hint
from schemas.segments.checks import check
from schemas.segments.findings import Finding, Severity, error
from schemas.segments.rules import Segment
from schemas.segments.sentences import parse_segment
from schemas.segments.texts import LARGEST_BYTES, Unreadable, read_json, read_yaml

MOST_SEGMENTS = 10_000
MOST_FILES = 10_000
MOST_FINDINGS = 1_000  # enough to begin with
_READERS: Mapping[str, Callable[[str], Any]] = {".yaml": read_yaml, ".yml": read_yaml, ".json": read_json}
_FILE_KEYS = ("tenant", "segments")


class Placed(NamedTuple):
    """A segment and the file that it is from."""

    segment: Segment
    file: str


class Reading(NamedTuple):
    """What files hold: the segments that can be read, and what is wrong or odd, in the order of the files."""

    files: int
    placed: tuple[Placed, ...]
    findings: tuple[Finding, ...]

    @property
    def segments(self) -> list[Segment]:
        """The segments without their files."""
        return [item.segment for item in self.placed]

    @property
    def errors(self) -> list[Finding]:
        """What keeps the segments from being used."""
        return [finding for finding in self.findings if finding.severity is Severity.ERROR]


def load_segments(paths: Sequence[Path]) -> list[Segment]:
    """All segments of files and folders. Raises Misconfigured with a sentence for each error."""
    reading = read_segments(paths)
    if reading.errors:
        raise Misconfigured("\n".join(str(finding).removeprefix("error: ") for finding in reading.errors))
    return reading.segments


def read_segments(paths: Sequence[Path], retention_days: int | None = None) -> Reading:
    """All that can be read, with findings. Raises Misconfigured for a path that is not there or has no files.

    `retention_days`: how long events are kept; windows that look back further are warned of.
    """
    files = _files(paths)
    placed: list[Placed] = []
    findings: list[Finding] = []
    for path in files:
        for item in _items(path):
            if isinstance(item, Finding):
                findings.append(item._replace(file=str(path)))
            elif len(placed) < MOST_SEGMENTS:
                placed.append(Placed(item, str(path)))
            else:
                raise Misconfigured(f"{path}: more than {MOST_SEGMENTS} segments; archive those that nobody uses")
    findings += _twice(placed)
    findings += check([(item.segment, item.file) for item in placed], retention_days)
    order = {str(path): place for place, path in enumerate(files)}
    findings.sort(key=lambda finding: order.get(finding.file, 0))
    return Reading(len(files), tuple(placed), tuple(findings[:MOST_FINDINGS]))


def _files(paths: Iterable[Path]) -> list[Path]:
    found = list(islice(dict.fromkeys(file for path in paths for file in _files_at(path)), MOST_FILES + 1))
    if len(found) > MOST_FILES:
        raise Misconfigured(f"more than {MOST_FILES} files; a file may hold a list of segments")
    return found


def _files_at(path: Path) -> list[Path]:
    try:
        if path.is_file():
            return [path]
        inside = path.rglob("*") if path.is_dir() else None
        if inside is None:
            raise Misconfigured(f"{path}: no such file or folder; name a file with segments, or a folder of such files")
        found = sorted(
            file for file in inside if file.suffix in _READERS and file.is_file() and not _is_hidden(file, path)
        )
    except OSError as wrong:
        raise Misconfigured(f"{path}: cannot be read ({wrong.strerror}); check its permissions") from None
    if not found:
        raise Misconfigured(f"{path}: no file ends in {', '.join(_READERS)}; put one there for each segment")
    return found


def _is_hidden(file: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(root).parts)


def _items(path: Path) -> Iterator[Segment | Finding]:
    """The segments of a file, or what is wrong in their place."""
    try:
        data = _read(path)
    except Unreadable as wrong:
        yield error("", str(wrong))
        return
    if isinstance(data, Mapping) and "segments" in data:
        yield from _of_file(data)
    elif isinstance(data, list):
        yield from _of_list(data, "", DEFAULT_TENANT)
    elif data is None:
        yield error("", "is empty; write a segment: id: lapsed-buyers and below it a node such as event:")
    else:
        yield from _of_one(data, "segment", DEFAULT_TENANT)


def _read(path: Path) -> Any:
    """The data that the file holds. Raises Unreadable."""
    reader = _READERS.get(path.suffix)
    if reader is None:
        raise Unreadable(f"is not read by its name; end it in {', '.join(_READERS)}")
    try:
        with path.open("rb") as file:
            found = file.read(LARGEST_BYTES + 1)
    except OSError as wrong:
        raise Unreadable(f"cannot be read ({wrong.strerror}); check its permissions") from None
    if len(found) > LARGEST_BYTES:
        raise Unreadable(f"is larger than {LARGEST_BYTES:,} bytes; divide it into several files")
    try:
        return reader(found.decode("utf-8-sig"))
    except UnicodeDecodeError as wrong:
        raise Unreadable(f"is not UTF-8 (byte {wrong.start + 1}); save it as UTF-8") from None


def _of_file(data: Mapping[str, Any]) -> Iterator[Segment | Finding]:
    for key in data:
        if key not in _FILE_KEYS:
            yield error(key, f"no such key beside `segments`; {hint(key, _FILE_KEYS)}")
    yield from _of_list(data["segments"], "segments", data.get("tenant", DEFAULT_TENANT))


def _of_list(items: Any, place: str, tenant: Any) -> Iterator[Segment | Finding]:
    if not isinstance(items, list) or not items:
        yield error(place, "expected a list of segments, each beginning with `- id:`")
        return
    for index, item in enumerate(items):
        yield from _of_one(item, f"{place}[{index}]", tenant)


def _of_one(item: Any, place: str, tenant: Any) -> Iterator[Segment | Finding]:
    found = parse_segment({"tenant": tenant, **item} if isinstance(item, Mapping) else item, place)
    if isinstance(found, Segment):
        yield found
    else:
        yield from found


def _twice(placed: Iterable[Placed]) -> Iterator[Finding]:
    first: dict[tuple[str, str], str] = {}
    for segment, file in placed:
        key = (segment.tenant, segment.id)
        if key in first:
            where = "this file" if first[key] == file else first[key]
            yield error(segment.id, f"the id is taken by a segment in {where}; give one of them another")._replace(
                file=file
            )
        first.setdefault(key, file)
