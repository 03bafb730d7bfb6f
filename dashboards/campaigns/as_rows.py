"""The report for programs: as JSON, and as a table of one figure a row (CSV). Pure."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, TextIO

from dashboards.campaigns.figures import Figure, Part, Report

HEAD = ("part", "name", "figure", "count", "of", "denominator", "share")
_Row = tuple[str, str, str, float | int | str, str, int | str, float | str]


def as_json(report: Report) -> dict[str, Any]:
    """Everything, with plain values: times in milliseconds since the Unix epoch, shares in [0, 1]."""
    return asdict(report)


def write_csv(report: Report, out: TextIO) -> None:
    """A row for each figure, with HEAD as the first; an empty cell where there is no denominator."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEAD)
    writer.writerows(tuple(_safe(cell) for cell in row) for row in _rows(report))


def _rows(report: Report) -> Iterator[_Row]:
    yield from _part("campaign", report.campaign, report.total)
    for event_type, count in report.events.items():
        yield ("events", report.campaign, event_type, count, "", "", "")
    grown = report.maturity
    due = "" if grown.due is None else round(grown.due, 4)
    yield ("complaints", report.campaign, "exposed", grown.exposed, "delivered", grown.delivered, due)
    for each in report.providers:
        yield from _part("provider", each.name, each)
    for each in report.variants:
        yield from _part("variant", each.name, each)
    for refusal in report.refusals:
        name = " ".join(filter(None, (refusal.reason, refusal.scope, refusal.permanence)))
        yield _row("refusal", name, refusal.messages)
    for link in report.links:
        yield _row("link", link.link, link.people)
        yield ("link", link.link, "clicks", link.clicks, "", "", "")
        yield ("link", link.link, "clicks_of_machines", link.clicks_of_machines, "", "", "")
    for point in report.course.points:
        for figure, count in point.items():
            if figure != "time":
                yield ("course", str(point["time"]), figure, count, "", "", "")
    for score in report.scores:
        yield ("score", score.provider or report.campaign, score.level, score.score, "", "", "")


def _part(kind: str, name: str, part: Part) -> Iterator[_Row]:
    yield (kind, name, "messages", part.messages, "", "", "")
    yield (kind, name, "recipients", part.recipients, "", "", "")
    for figure in part.figures.values():
        yield _row(kind, name, figure)


def _row(kind: str, name: str, figure: Figure) -> _Row:
    share = "" if figure.share is None else round(figure.share, 6)
    return (kind, name, figure.name, figure.count, figure.of, figure.denominator, share)


def _safe(cell: float | str) -> float | str:
    """A stranger's text that a spreadsheet would take for a formula begins with a quote (OWASP, CSV injection)."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in {"=", "+", "-", "@", "\t", "\r"} else cell
