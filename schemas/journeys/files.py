"""Journeys from files: `*.yaml`, `*.yml` and `*.json`, one by one or all of a folder.

A file holds one journey, a list of them, or `journeys:` with a list; see `schemas/segments/documents.py`. Their number
is bounded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from schemas.errors import Misconfigured
from schemas.journeys.checks import Known, check
from schemas.journeys.journey import Journey
from schemas.journeys.sentences import parse_journey
from schemas.segments.documents import Kind, files, items, taken
from schemas.segments.files import MOST_FINDINGS
from schemas.segments.findings import Finding, Severity

MOST_JOURNEYS = 1_000
KIND = Kind("journey", "journeys", "id: abandoned-cart, and below it enter: and steps:")


class Placed(NamedTuple):
    """A journey and the file that it is from."""

    journey: Journey
    file: str


class Reading(NamedTuple):
    """What files hold: the journeys that can be read, and what is wrong or odd, in the order of the files."""

    placed: tuple[Placed, ...]
    findings: tuple[Finding, ...]

    @property
    def journeys(self) -> list[Journey]:
        """The journeys without their files."""
        return [item.journey for item in self.placed]

    @property
    def errors(self) -> list[Finding]:
        """What keeps the journeys from being used."""
        return [finding for finding in self.findings if finding.severity is Severity.ERROR]


def load_journeys(paths: Sequence[Path], segments: Known | None = None, webhooks: Known | None = None) -> list[Journey]:
    """All journeys of files and folders. Raises Misconfigured with a sentence for each error."""
    reading = read_journeys(paths, segments, webhooks)
    if reading.errors:
        raise Misconfigured("\n".join(str(finding).removeprefix("error: ") for finding in reading.errors))
    return reading.journeys


def read_journeys(paths: Sequence[Path], segments: Known | None = None, webhooks: Known | None = None) -> Reading:
    """All that can be read, with findings. Raises Misconfigured for a path that is not there or has no files.

    `segments`, `webhooks`: what there is, by tenant, where that is known.
    """
    found = files(paths, KIND)
    placed: list[Placed] = []
    findings: list[Finding] = []
    for path in found:
        for item in _items(path):
            if isinstance(item, Finding):
                findings.append(item._replace(file=str(path)))
            elif len(placed) < MOST_JOURNEYS:
                placed.append(Placed(item, str(path)))
            else:
                raise Misconfigured(f"{path}: more than {MOST_JOURNEYS} journeys; take out those that nobody uses")
    findings += taken([(item.journey.tenant, item.journey.id, item.file) for item in placed], KIND)
    findings += check([(item.journey, item.file) for item in placed], segments, webhooks)
    order = {str(path): place for place, path in enumerate(found)}
    findings.sort(key=lambda finding: order.get(finding.file, 0))
    return Reading(tuple(placed), tuple(findings[:MOST_FINDINGS]))


def _items(path: Path) -> Iterator[Journey | Finding]:
    """The journeys of a file, or what is wrong in their place."""
    for item in items(path, KIND):
        if isinstance(item, Finding):
            yield item
        elif isinstance(found := parse_journey(item[1], item[0]), Journey):
            yield found
        else:
            yield from found
