"""The options of `mailweir report` and `mailweir top`; what they need is imported when they run."""
# ruff: noqa: PLC0415 - imports inside commands keep the offline ones quick

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streams.commands.ending import end

Tenant = Annotated[str, typer.Option(help="Only this tenant's.")]
Instant = Annotated[str, typer.Option(metavar="INSTANT", help="7d ago, 2026-11-01 or 2026-11-01T14:30 (UTC).")]


def report(
    campaign: Annotated[str, typer.Argument(help="The campaign's id.")],
    tenant: Tenant = "",
    since: Instant = "",
    until: Instant = "",
    html: Annotated[Path | None, typer.Option(help="Write one self-contained HTML file instead.")] = None,
    pdf: Annotated[Path | None, typer.Option(help="Write a PDF instead; needs Chromium or Chrome.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write a row per figure instead.")] = None,
) -> None:
    """How a campaign went: delivered, refused, opened, clicked, complained, decided, each over its denominator."""
    from rich.console import Console

    from dashboards.campaigns.maturity import delay_of
    from streams import environment
    from streams.clock import clock_ms
    from streams.commands import report as command
    from streams.commands.decisions import open_store

    def work() -> int:
        of = environment.settings()
        console = Console()
        console.width = max(80, min(console.width, command.MOST_COLUMNS))
        now_ms = clock_ms()
        asked = command.asked_of(campaign, tenant, since, until, now_ms)
        delay = delay_of(environment.learned(of))
        return command.run(open_store(of), asked, command.Files(html=html, pdf=pdf, csv=csv), console, now_ms, delay)

    end(work)


def top() -> None:
    """x"""
