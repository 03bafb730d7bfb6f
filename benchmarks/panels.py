"""What Grafana's boards cost: every panel, variable, mark and alert on a store that holds a month of mail.

Each as somebody sees it who opens the board, with its own span and step, once for all and once with a tenant and one
of everything else chosen. Every question is asked `TIMES` times; its time is the median, seen by the asking client, and
the figure the 95th percentile over all questions. Rows read are what the engine says.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from statistics import median
from typing import NamedTuple

from clickhouse_connect.driver.client import Client

from benchmarks import stores
from benchmarks.figure import Figure, Plan, median_of
from benchmarks.stored_month import fill
from dashboards.grafana.alerts import ALERTS
from dashboards.grafana.board import Panel
from dashboards.grafana.boards import DASHBOARDS
from dashboards.grafana.expanded import Seen, expanded
from sinks.clickhouse import connect
from sinks.migrate import apply_tables

EVENTS = 1_000_000
TIMES = 5
POINTS = 400  # of a chart: what fits on half a screen
_SPAN = re.compile(r"now-(\d+)([mhd])")
_UNIT_S = {"m": 60, "h": 3_600, "d": 86_400}
_STEPS_S = (1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 86_400)
ONE: Mapping[str, str] = {
    "tenant": "tenant-0", "campaign": "campaign-87", "provider": "gmail", "ip": "192.0.2.7", "domain": "mail7.example",
    "segment": "segment-3",
}  # fmt: skip


class Question(NamedTuple):
    """One thing to ask: whose it is, and the SQL as the store gets it."""

    name: str
    sql: str


class Cost(NamedTuple):
    """Median milliseconds, rows read, rows answered."""

    name: str
    ms: float
    read: int
    answered: int


def measure(plan: Plan) -> list[Figure]:
    """Milliseconds and rows read, over all questions."""
    events = plan.events or (200_000 if plan.quick else EVENTS)
    with stores.started(plan.work) as (url, _):
        client = connect(url)
        apply_tables(client)
        began = time.monotonic()
        end_ms = fill(client, events)
        rows = int(client.query("SELECT count() FROM reputation_partials").result_rows[0][0])
        plan.say(f"{events:,} events and {rows:,} counts of minutes in {time.monotonic() - began:.0f} s")
        asked = list(questions(end_ms))
        runs = [[_cost(client, question) for question in asked] for _ in range(plan.runs)]
        client.close()
    for cost in sorted(runs[-1], key=lambda cost: -cost.ms):
        plan.say(f"{cost.ms:>8.1f} ms  {cost.read:>12,} rows read  {cost.answered:>6,} answered  {cost.name}")
    return _figures(runs, events)


def questions(end_ms: int) -> Iterator[Question]:
    """Everything a Grafana with these boards asks, with the month's end as its now."""
    for board in DASHBOARDS:
        found = _SPAN.fullmatch(board.span)
        assert found, board.span
        span_s = int(found[1]) * _UNIT_S[found[2]]
        choices: tuple[tuple[str, Mapping[str, str]], ...] = (("all", {}), ("one", ONE))
        for choice, chosen in choices:
            for item in board.asking:
                title = item.title if isinstance(item, Panel) else item.name
                seen = Seen(
                    from_ms=end_ms - span_s * 1000,
                    to_ms=end_ms,
                    interval_s=_step_s(span_s, item.min_interval if isinstance(item, Panel) else ""),
                    chosen=chosen,
                )
                yield Question(f"{board.uid}, {choice}: {title} ({item.query})", expanded(item.sql(), seen))
    for alert in ALERTS:
        seen = Seen(from_ms=0, to_ms=end_ms, interval_s=60)
        yield Question(f"alert: {alert.title} ({alert.query})", expanded(alert.sql(), seen))


def _step_s(span_s: int, least: str) -> int:
    """The step that Grafana chooses: round, not below the panel's own."""
    wanted = max(span_s / POINTS, int(least[:-1]) * {"s": 1, **_UNIT_S}[least[-1]] if least else 1)
    return next(step for step in _STEPS_S if step >= wanted)


def _cost(client: Client, question: Question) -> Cost:
    before = _selected(client)
    answered = len(client.query(question.sql).result_rows)
    read = _selected(client) - before
    times = []
    for _ in range(TIMES):
        began = time.perf_counter()
        client.query(question.sql)
        times.append((time.perf_counter() - began) * 1000)
    return Cost(question.name, median(times), read, answered)


def _selected(client: Client) -> int:
    """Rows that the engine has read so far; nobody else asks it."""
    return int(client.query("SELECT sum(value) FROM system.events WHERE event = 'SelectedRows'").result_rows[0][0])


def _figures(runs: list[list[Cost]], events: int) -> list[Figure]:
    worst = max(runs[-1], key=lambda cost: cost.ms)
    note = f"{len(runs[-1])} questions, {events:,} events stored; the slowest {worst.ms:.0f} ms: {worst.name}"
    most = max(runs[-1], key=lambda cost: cost.read)
    return [
        median_of("panels_p95_ms", [_p95([c.ms for c in run]) for run in runs], "ms", goal="<= 300", note=note),
        median_of("panels_p50_ms", [median(c.ms for c in run) for run in runs], "ms"),
        median_of(
            "panels_rows_read_p95", [_p95([c.read for c in run]) for run in runs], "rows",
            note=f"the most {most.read:,}: {most.name}",
        ),
    ]  # fmt: skip


def _p95(values: list[float] | list[int]) -> float:
    ordered = sorted(values)
    return float(ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))])
