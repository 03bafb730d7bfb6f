"""The options of `mailweir report` and `mailweir top`; what they need is imported when they run."""
# ruff: noqa: PLC0415 - imports inside commands keep the offline ones quick

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from schemas.errors import Misconfigured
from streams.commands.ending import end

_MOST_TENANT = 200  # as a named query takes
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
        _check(tenant)
        of, console = environment.settings(), Console()
        console.width = max(80, min(console.width, command.MOST_COLUMNS))
        now_ms = clock_ms()
        asked = command.asked_of(campaign, tenant, since, until, now_ms)
        delay = delay_of(environment.learned(of))
        return command.run(open_store(of), asked, command.Files(html=html, pdf=pdf, csv=csv), console, now_ms, delay)

    end(work)


def top(
    every: Annotated[str, typer.Option(help="How often it asks, e.g. 2s or 10s.")] = "2s",
    tenant: Tenant = "",
    once: Annotated[bool, typer.Option("--once", help="One look as plain text, then end.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One look as a JSON object.")] = False,
) -> None:
    """The state of the sending on one screen: rates, shares, lag, worst scores, open decisions; q quits."""
    from functools import partial

    from rich.console import Console

    from sinks.clickhouse import connect
    from streams import environment
    from streams.clock import clock_ms
    from streams.commands import top as command

    def work() -> int:
        _check(tenant)
        of, console = environment.settings(), Console()
        every_s = command.every_of(every)
        secret = of.clickhouse_password.get_secret_value()
        client = partial(connect, of.clickhouse, of.clickhouse_user, secret, reply_timeout_s=command.REPLY_TIMEOUT_S)
        is_screen = console.is_terminal and not console.is_dumb_terminal and sys.stdin.isatty()
        if once or json or not is_screen:
            return command.run_once(client, tenant, clock_ms, console, sys.stdout, as_object=json)
        return command.run_live(client, tenant, every_s, clock_ms, console)

    end(work)


def _check(tenant: str) -> None:
    """Raises Misconfigured for what no tenant is called."""
    if len(tenant) > _MOST_TENANT:
        raise Misconfigured(f"--tenant: {len(tenant)} characters; at most {_MOST_TENANT} are allowed")
