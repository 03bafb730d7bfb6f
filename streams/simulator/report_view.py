"""The report for people: what was sent, where it is now, how fast, and a verdict in words.

Fits 80 columns; colours only support what the words say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

_WIDTH = 78


def render(report: Mapping[str, Any]) -> RenderableType:
    """The report as it is shown at the end of a run."""
    parts: list[RenderableType] = [_counts(report), _times(report)]
    parts += [_incident(incident) for incident in report["incidents"]]
    parts.append(_verdict(report))
    return Group(*(Padding(part, (0, 0, 1, 1)) for part in parts))


def _table(*, columns: int) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), width=_WIDTH)
    table.add_column(no_wrap=True)
    for _ in range(columns):
        table.add_column(justify="right", no_wrap=True)
    table.add_column(style="dim", ratio=1)
    return table


def _counts(report: Mapping[str, Any]) -> Table:
    table = _table(columns=1)
    rows = (
        ("posted", "events, with repeats and forgeries", "posted"),
        ("accepted", "the gateway answered 2xx", "accepted"),
        ("refused", "forged: no or a wrong signature", "rejected_bad_signature"),
        ("stored", "distinct email events in ClickHouse", "stored_email_events"),
        ("duplicates", "accepted again and dropped", "duplicates_dropped"),
        ("dead letters", f"unreadable parts, {report['dead_letters_expected']:,} sent on purpose", "dead_lettered"),
        ("lost", "accepted but not stored", "lost"),
    )
    for label, note, name in rows:
        style = "bold red" if name == "lost" and report[name] else ""
        table.add_row(label, Text(f"{report[name]:,}", style=style), note)
    segments = report["segments"]
    wrong = segments["oracle_mismatches"]
    style = "bold red" if wrong else ""
    note = f"transitions; {segments['members']:,} members, {wrong:,} differ from SQL"
    table.add_row("segments", Text(f"{segments['transitions']:,}", style=style), note)
    table.add_row("rate", f"{report['events_per_second']:,.0f}", f"events per second over {report['duration_s']:.0f} s")
    return table


def _times(report: Mapping[str, Any]) -> Table:
    table = _table(columns=2)
    table.add_row("", Text("median", style="dim"), Text("99 %", style="dim"), "")
    rows = (
        ("post", "the gateway's answer", "post_ms"),
        ("post to row", "until a query finds the event", "end_to_end_ms"),
        ("post to score", "until a score counts it", "score_latency_ms"),
    )
    for label, note, name in rows:
        table.add_row(label, _millis(report[name]["p50"]), _millis(report[name]["p99"]), note)
    return table


def _millis(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value / 1000:.2f} s" if value >= 1000 else f"{value:.0f} ms"


def _incident(incident: Mapping[str, Any]) -> Text:
    if incident["started_at"] is None:
        return Text(f"{incident['key']} was to go wrong, but the run ended before.")
    text = Text(f"{incident['key']} went bad at {incident['started_at'][11:19]} UTC; ")
    if incident["seconds_to_decision"] is None:
        return text.append(f"nobody stopped it, {incident['messages_sent_after_start']:,} messages went out.")
    text.append(f"stopping it was decided {incident['seconds_to_decision']:.1f} s later")
    if incident["seconds_to_stop"] is not None:
        text.append(f" and done after {incident['seconds_to_stop']:.1f} s")
    return text.append(f", {incident['messages_sent_after_start']:,} messages after it began.")


def _verdict(report: Mapping[str, Any]) -> Text:
    if report["problems"]:
        text = Text("Not as promised:", style="bold red")
        for sentence in report["problems"]:
            text.append(f"\n  - {sentence}", style="red")
        return text
    said = "Nothing lost, nothing double, every count as it was sent; "
    if report["incidents"]:
        said += "what went bad was stopped, and nothing else."
    else:
        said += "nothing was paused that should not have been."
    return Text(said, style="bold green")
