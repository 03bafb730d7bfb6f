"""`mailweir report CAMPAIGN`: how a campaign went, on the terminal or as a file. Reads ClickHouse."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from rich.console import Console

from dashboards.campaigns import asking
from dashboards.campaigns.as_rows import write_csv
from dashboards.campaigns.asking import Asked, Question
from dashboards.campaigns.figures import Report
from dashboards.campaigns.page import whole_file
from dashboards.campaigns.report import report_of
from dashboards.console.store import table_of
from dashboards.decisions import FOREVER_MS
from schemas.errors import Misconfigured
from sinks.clickhouse import translate
from streams.commands import report_pdf
from streams.commands.report_text import render
from streams.core.reputation.delay import CAMPAIGN_DELAY, DelayCurve
from streams.local.instants import parse_instant

MOST_COLUMNS = 100  # longer lines are hard to read


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Where the report goes; none of them: to the terminal."""

    html: Path | None = None
    pdf: Path | None = None
    csv: Path | None = None


def asked_of(campaign: str, tenant: str, since: str, until: str, now_ms: int) -> Asked:
    """What the options mean. Raises Misconfigured."""
    from_ms = parse_instant(since, now_ms, where="--since") if since else 0
    to_ms = parse_instant(until, now_ms, where="--until") if until else FOREVER_MS
    if from_ms >= to_ms:
        raise Misconfigured("--until must be later than --since")
    return Asked(campaign=campaign, tenant=tenant, from_ms=from_ms, to_ms=to_ms)


def run(
    store: Client, asked: Asked, files: Files, console: Console, now_ms: int, delay: DelayCurve = CAMPAIGN_DELAY
) -> int:
    """Print the report, or write the files and say so. Raises RefusedError, Misconfigured, Transient."""
    program = report_pdf.browser() if files.pdf else ""  # said before anything is asked
    report = reported(store, asked, now_ms, delay)
    if files == Files():
        console.print(render(report))
        return 0
    if files.html:
        _write(files.html, whole_file(report), "--html")
    if files.csv:
        _write(files.csv, _csv(report), "--csv")
    if files.pdf:
        try:
            report_pdf.write_pdf(whole_file(report), files.pdf, program)
        except OSError as error:
            raise Misconfigured(f"--pdf {files.pdf}: cannot be written ({error.strerror})") from error
    for file in filter(None, (files.html, files.csv, files.pdf)):
        console.print(f"written to {file}", markup=False, highlight=False, soft_wrap=True)
    return 0


def reported(store: Client, asked: Asked, now_ms: int, delay: DelayCurve = CAMPAIGN_DELAY) -> Report:
    """The report. Raises RefusedError that names the nearest campaigns, Misconfigured, Transient."""
    try:
        found = asking.chosen(asked, _rows(store, asking.which(asked)))
        if found is None:
            raise asking.missing(asked, _rows(store, asking.known(asked)))
        answers = {each.name: _rows(store, each) for each in asking.questions(found, asked, now_ms)}
    except ClickHouseError as error:
        raise translate(error, f"reading the campaign {asked.campaign}") from error
    return report_of(found, answers, now_ms, delay)


def _rows(store: Client, question: Question) -> Sequence[dict[str, Any]]:
    return table_of(store.query(question.named.sql, parameters=dict(question.given))).records()


def _csv(report: Report) -> str:
    out = io.StringIO()
    write_csv(report, out)
    return out.getvalue()


def _write(file: Path, text: str, option: str) -> None:
    try:
        file.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise Misconfigured(f"{option} {file}: cannot be written ({error.strerror})") from error
