"""Segments from files: `*.yaml`, `*.yml` and `*.json`, one by one or all of a folder.

A file holds one segment, a list of them, or `segments:` with a list; beside that may stand `tenant:` for all of the
file. What cannot be read is a finding with its file and place; the others are read all the same. A text that somebody
has only pasted is read in the same way. Bounded: a file's size, the number of files and of segments.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from schemas.config import DEFAULT_TENANT
from schemas.errors import Misconfigured
from schemas.segments.checks import check
from schemas.segments.documents import Kind, files, items, pasted_items, taken
from schemas.segments.findings import Finding, Severity
from schemas.segments.rules import Segment
from schemas.segments.sentences import parse_segment

MOST_SEGMENTS = 10_000
MOST_FINDINGS = 1_000  # enough to begin with
KIND = Kind("segment", "segments", "id: lapsed-buyers and below it a node such as event:")
_BESIDE = "\0"  # the file of segments that are there already; no path has it


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
    found = files(paths, KIND)
    placed: list[Placed] = []
    findings: list[Finding] = []
    for path in found:
        for item in _parsed(items(path, KIND)):
            if isinstance(item, Finding):
                findings.append(item._replace(file=str(path)))
            elif len(placed) < MOST_SEGMENTS:
                placed.append(Placed(item, str(path)))
            else:
                raise Misconfigured(f"{path}: more than {MOST_SEGMENTS} segments; archive those that nobody uses")
    findings += taken([(item.segment.tenant, item.segment.id, item.file) for item in placed], KIND)
    findings += check([(item.segment, item.file) for item in placed], retention_days)
    order = {str(path): place for place, path in enumerate(found)}
    findings.sort(key=lambda finding: order.get(finding.file, 0))
    return Reading(len(found), tuple(placed), tuple(findings[:MOST_FINDINGS]))


def read_pasted(given: Any, tenant: str = DEFAULT_TENANT, known: Sequence[Segment] = ()) -> Reading:
    """What a text (YAML, or JSON) or plain data says, as if it stood in a file; findings have no file.

    `tenant`: whose it is where it says nothing itself; `known`: segments that it may name, and replaces by their id.
    """
    found = list(_parsed(pasted_items(given, KIND, tenant)))
    pasted = [Placed(item, "") for item in found if isinstance(item, Segment)][:MOST_SEGMENTS]
    new = {(item.segment.tenant, item.segment.id) for item in pasted}
    beside = [(segment, _BESIDE) for segment in known if (segment.tenant, segment.id) not in new]
    findings = [item for item in found if isinstance(item, Finding)]
    findings += taken([(item.segment.tenant, item.segment.id, item.file) for item in pasted], KIND)
    findings += [each for each in check([*pasted, *beside]) if each.file != _BESIDE]
    return Reading(0, tuple(pasted), tuple(findings[:MOST_FINDINGS]))


def _parsed(found: Iterable[tuple[str, Any] | Finding]) -> Iterator[Segment | Finding]:
    """The segments, or what is wrong in their place."""
    for item in found:
        if isinstance(item, Finding):
            yield item
        elif isinstance(found := parse_segment(item[1], item[0]), Segment):
            yield found
        else:
            yield from found
