"""Decisions as text for a terminal: a line each, or a page about one. Pure; times are UTC."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from dashboards.decisions import STATES
from schemas.aggregates import Counts
from schemas.remediation import Verb
from schemas.rulings import State

Record = Mapping[str, Any]

_SHORT = 8  # characters of an id, more where two begin alike
_NARROWEST = 60
_MOST_TENANT = 16
_PAST: Mapping[str, str] = {Verb.APPROVE: "approved", Verb.REJECT: "rejected", Verb.REVERT: "reverted"}


def subject(action: str, key: str) -> str:
    """`pause campaign spring-sale`."""
    return f"{action.replace('_', ' ')} {key.replace('|', ' at ')}"


def table(rows: Sequence[Record], width: int) -> str:
    """A heading and a line per decision, cut at `width` columns."""
    size = _unique_size([row["decision_id"] for row in rows])
    lines = [("ID", "DECIDED (UTC)", "STATE", "TENANT", "WHAT")]
    lines += [
        (
            row["decision_id"][:size],
            _time(row["decided_at"])[:16],
            row["state"].replace("_", " "),
            _cut(row["tenant"], _MOST_TENANT),
            subject(row["action"], row["key"]),
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    rest = max(width, _NARROWEST) - sum(widths) - 2 * len(widths)
    return "".join(
        "  ".join([*(cell.ljust(size) for cell, size in zip(line, widths, strict=False)), _cut(line[-1], rest)]) + "\n"
        for line in lines
    )


def page(found: Record, width: int) -> str:
    """Everything about one decision, wrapped at `width` columns. `found`: `dashboards.decisions.whole`."""
    width = max(width, _NARROWEST)
    title = subject(found["action"], found["key"])
    parts = [f"{title[:1].upper()}{title[1:]}", _facts(found, width), _wrapped(found["reason"], width)]
    for heading, lines in (
        ("What was said", [_said(item) for item in found["rulings"]]),
        ("What came of it", [_outcome(item) for item in found["outcomes"]]),
        ("Evidence", _evidence(found["evidence"])),
        ("What you can do", _possible(found)),
    ):
        if lines:
            parts.append("\n".join([heading, *(_wrapped(line, width, indent="  ") for line in lines)]))
    return "\n\n".join(parts) + "\n"


def _facts(found: Record, width: int) -> str:
    signal = found["first_signal_at"]
    after = f", {(found['decided_at'] - signal) / 1000:.1f} s after the first signal" if signal else ""
    expiry = f" until {_time(found['expires_at'])}" if found["state"] == State.WAITING and found["expires_at"] else ""
    levels = f"{found['previous_level'] or 'none'}, then {found['level']}"
    facts = {
        "State": f"{STATES[State(found['state'])]}{expiry}",
        "Decision": found["decision_id"],
        "About": f"{found['kind'].replace('_', ' ')} {found['key']} of the tenant {found['tenant']}",
        "Decided": f"{_time(found['decided_at'])}{after}",
        "Level": f"{levels}{', because of ' + found['cause'] if found['cause'] else ''}",
        "Let through": _share(found["share"]),
        "Policy": f"version {found['policy_version'] or 'none'}, mode {found['mode']}",
        "Takes back": found["reverts"],
        "Taken back by": found["reverted_by"],
    }
    shown = {name: text for name, text in facts.items() if text}
    size = max(map(len, shown)) + 2
    return "\n".join(_filled(text, width, name.ljust(size), " " * size) for name, text in shown.items())


def _share(share: float) -> str:
    named = {0.0: "nothing", 1.0: "everything"}
    return named.get(share, f"{100 * share:.3g} % of the usual rate")


def _said(item: Record) -> str:
    return f"{_time(item['ruled_at'])}  {item['who']} {_PAST.get(item['verb'], item['verb'])}: {item['why']}"


def _outcome(item: Record) -> str:
    tries = f", {item['attempt']} attempts" if item["attempt"] > 1 else ""
    http = f", HTTP {item['http_status']}" if item["http_status"] else ""
    where = f"{item['source']} by {item['driver']}" if item["source"] else item["driver"]
    status = item["status"].replace("_", " ")
    return f"{_time(item['executed_at'])}  {where}: {status}{tries}{http}. {item['detail']}"


def _evidence(evidence: Any) -> list[str]:
    """Counts that are not zero and every detector; the record itself where it has neither."""
    if not isinstance(evidence, dict):
        return [str(evidence)] if evidence else []
    counts = [f"{field.name} {evidence[field.name]:,}" for field in fields(Counts) if evidence.get(field.name)]
    lines = [", ".join(counts)] if counts else []
    lines += [
        f"{signal['detector']}: {signal['statistic']:.4g} (warns at {signal['warn']:.4g}, throttles at"
        f" {signal['throttle']:.4g}, pauses at {signal['pause']:.4g}), {signal['level']}. {signal['explanation']}"
        for signal in evidence.get("signals", ())
    ]
    return lines or [str(evidence)]


def _possible(found: Record) -> list[str]:
    short = found["decision_id"][:_SHORT]
    lines = [f'mailweir decisions {verb} {short} --why "..."' for verb in found["possible"]]
    return [*lines, f"A revert: {found['revert']['would']}"] if Verb.REVERT in found["possible"] else lines


def _wrapped(text: str, width: int, indent: str = "") -> str:
    return _filled(text, width, indent, indent and f"{indent}  ")


def _filled(text: str, width: int, first: str, rest: str) -> str:
    """Wrapped without breaking ids and keys, which people copy."""
    return textwrap.fill(
        text, width, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )


def _unique_size(ids: Iterable[str]) -> int:
    """How many characters tell these ids apart, at least eight."""
    size, known = _SHORT, set(ids)
    while len({name[:size] for name in known}) < len(known):
        size += 1
    return size


def _time(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _cut(text: str, size: int) -> str:
    return text if len(text) <= size else f"{text[: size - 1]}…"
