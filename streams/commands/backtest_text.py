"""A back-test as text for a terminal, 80 columns. Pure; times are UTC."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from streams.commands.decision_text import subject
from streams.commands.stored_events import Window

WIDTH = 80
_INDENT = " " * 4
Record = Mapping[str, Any]
_NOTE = (
    "In reality a pause changes what is sent afterwards. Held back is what was really sent while a decision would"
    " have been in force; what would have been sent later, or instead, nobody knows."
)
_NO_MEMORY = "The detectors knew nothing from before the beginning, and no person said anything."


def nothing(window: Window) -> str:
    """That there is nothing to test on."""
    of = f" of the tenant {window.tenant}" if window.tenant else ""
    return f"No events{of} were received since {_day(window.since)} UTC.\n"


def page(report: Record, took_s: float) -> str:
    """The report that `backtest.report_of` makes. `took_s`: how long it took (seconds)."""
    parts = [_wrapped(_title(report))]
    is_one = len({found["tenant"] for found in (*report["decisions"], *report["only_in_reality"])}) <= 1
    parts += [_decision(decision, is_one=is_one) for decision in report["decisions"]]
    if not report["decisions"]:
        parts.append("Nothing would have been decided.")
    if report["only_in_reality"]:
        lines = (_line(real, is_one=is_one) + _by_whom(real) for real in report["only_in_reality"])
        parts.append("\n".join(["Decided in reality only", *lines]))
    parts += ["\n".join(_totals(report, took_s)), _wrapped(f"{_NOTE} {_NO_MEMORY}")]
    return "\n\n".join(parts) + "\n"


def _title(report: Record) -> str:
    versions = ", ".join(f"{tenant}: {version}" for tenant, version in sorted(report["policy"]["versions"].items()))
    of = f" of the tenant {report['tenant']}" if report["tenant"] else ""
    return (
        f"Back-test{of} from {_day(report['since'])} to {_day(report['until'])} UTC, policies of"
        f" {report['policy']['from']} (versions {versions}), parameters {report['parameters']}"
    )


def _decision(found: Record, *, is_one: bool) -> str:
    lines = [_line(found, is_one=is_one), _cut(f"{_INDENT}{found['reason']}")]
    held = found["held_back"]
    if held:
        lines.append(_cut(f"{_INDENT}Held back until {_time(held['until'])}: {_sent(held)}"))
    return "\n".join([*lines, _cut(f"{_INDENT}In reality: {_reality(found)}")])


def _line(found: Record, *, is_one: bool) -> str:
    """When, what, why and how far; whose it is where there are several tenants."""
    share = f" to {100 * found['share']:.3g} %" if 0 < found["share"] < 1 and found["action"] != "alert" else ""
    end = f" ({', '.join(filter(None, ('' if is_one else found['tenant'], found['cause'], found['mode'])))})"
    head = f"{_time(found['decided_at'])}  {subject(found['action'], found['key'])}{share}"
    return _cut(head, WIDTH - len(end)) + end


def _reality(found: Record) -> str:
    real = found["in_reality"]
    if real is None:
        return "not decided"
    apart_s = (real["decided_at"] - found["decided_at"]) / 1000
    when = "the same" if not apart_s else f"the same, {abs(apart_s):,.0f} s {'later' if apart_s > 0 else 'earlier'}"
    mode = "" if real["mode"] == found["mode"] else f", in mode {real['mode']}"
    return f"{when}{mode}{_by_whom(real)}"


def _by_whom(real: Record) -> str:
    return ", by a person" if real["reverts"] else ""


def _totals(report: Record, took_s: float) -> Iterator[str]:
    totals, events = report["totals"], report["events"]
    yield "Totals"
    yield from _row("decisions", f"{totals['decisions']:,}, {totals['also_in_reality']:,} of them in reality too")
    yield from _row("in reality only", f"{totals['only_in_reality']:,}")
    yield from _row("held back", f"{_sent(totals['held_back']['done_by_itself'])} in mode act")
    if any(totals["held_back"]["had_a_person_agreed"].values()):
        yield from _row("", f"{_sent(totals['held_back']['had_a_person_agreed'])} had a person agreed at once")
    speed = f" in {took_s:,.1f} s ({events['read'] / took_s:,.0f} a second)" if took_s > 0 else ""
    yield from _row("events", f"{events['read']:,}{speed}")
    left_out = {name: events[name] for name in ("repeated", "late", "unusable") if events[name]}
    if left_out:
        yield from _row("left out", ", ".join(f"{number:,} {name}" for name, number in left_out.items()))


def _row(name: str, told: str) -> Iterator[str]:
    yield from textwrap.wrap(told, WIDTH, initial_indent=f"  {name:<18}", subsequent_indent=" " * 20)


def _sent(held: Record) -> str:
    return f"{held['messages']:,} messages, {held['bounces']:,} bounces, {held['complaints']:,} complaints"


def _wrapped(told: str) -> str:
    return textwrap.fill(told, WIDTH, break_long_words=False, break_on_hyphens=False)


def _time(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%m-%d %H:%M:%S}"


def _day(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M}"


def _cut(told: str, width: int = WIDTH) -> str:
    return told if len(told) <= width else f"{told[: width - 1]}…"
