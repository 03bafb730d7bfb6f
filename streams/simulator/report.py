"""The demo's report: what the senders know against what ClickHouse holds.

Counts are of events unless they stand under `requests`. `posted` and `accepted` count copies, so
`accepted = stored_email_events + duplicates_dropped + lost` when nothing else went wrong. Times are
RFC 3339 in UTC, durations milliseconds. `problems` holds one sentence for everything that contradicts
the promises; an empty list is a pass.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from clickhouse_connect.driver.exceptions import Error as StoreError

from streams.simulator import store
from streams.simulator.providers import iso
from streams.simulator.report_view import render
from streams.simulator.store import Client
from streams.simulator.truth import Incident, PostKind, Truth

__all__ = ["build_report", "render", "wait_until_stored"]

Report = dict[str, Any]
_SHOWN_MISMATCHES = 50
_STOPPING = {"pause_campaign", "rest_ip"}
_POLL_S = 0.3
# The event types that each figure of a canonical type's reputation counts may come from.
_METRICS_OF: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "sent": (("queued", "sent"), ("sent",)),
    "delivered": (("delivered",), ("delivered",)),
    "deferred": (("deferred",), ("deferred", "deferred_reputation")),
    "bounced": (("bounced",), ("bounced_address", "bounced_block", "bounced_content", "bounced_other")),
    "rejected": (("rejected", "failed"), ("rejected", "suppressed")),
    "opened": (("opened",), ("opened", "opened_machine")),
    "clicked": (("clicked",), ("clicked", "clicked_machine")),
    "complained": (("complained",), ("complained",)),
    "unsubscribed": (("unsubscribed",), ("unsubscribed",)),
    "other": (("subscribed", "autoresponded", "unknown"), ("other",)),
}


async def wait_until_stored(client: Client, truth: Truth, deadline_s: float, patience_s: float = 10.0) -> bool:
    """Wait until every accepted event is stored and counted; False after `deadline_s` seconds, or when
    nothing has moved for `patience_s`. A store that is away counts as no movement.
    """
    end, last_move, before = time.monotonic() + deadline_s, time.monotonic(), (-1, -1, -1, -1)
    while time.monotonic() < end:
        try:
            now = await asyncio.to_thread(store.totals, client)
        except StoreError:
            now = before
        is_counted = min(now[:2]) >= len(truth.accepted)
        if is_counted and now[2] >= truth.dead_letters and now[3] >= len(truth.activities):
            return True
        if now != before:
            last_move, before = time.monotonic(), now
        elif time.monotonic() - last_move > patience_s:
            return False
        await asyncio.sleep(_POLL_S)
    return False


def build_report(client: Client, truth: Truth, segments: Report, end_to_end_ms: Iterable[float] = ()) -> Report:
    """Compare and sum up; `segments` is that part of the report.

    Blocks for a few queries; raises clickhouse-connect's errors.
    """
    stored, lost, unexpected, twice = _compare(client, truth)
    decisions, done = store.decisions(client), store.done(client)
    scores = store.score_latency_ms(client)
    report: Report = {
        "scenario": truth.scenario,
        "seed": truth.seed,
        "started_at": iso(int(truth.started_at * 1000)),
        "duration_s": round(truth.duration_s, 1),
        "posted": truth.events["posted"],
        "accepted": truth.events["accepted"],
        "rejected_bad_signature": truth.events["rejected_bad_signature"],
        "forged_accepted": truth.forged_accepted,
        "stored_email_events": stored,
        "duplicates_dropped": truth.events["accepted"] - len(truth.accepted),
        "dead_lettered": store.dead_letters(client),
        "dead_letters_expected": truth.dead_letters,
        "lost": lost,
        "unexpected": unexpected,
        "stored_twice": twice,
        "activities": _activities(client, truth),
        "count_mismatches": _mismatches(client, truth),
        "end_to_end_ms": _quantiles(end_to_end_ms),
        "score_latency_ms": {"p50": scores[0] if scores else None, "p99": scores[1] if scores else None},
        "post_ms": _quantiles(post.took_ms for post in truth.posts if post.kind is PostKind.GENUINE and post.status),
        "incidents": [_incident(truth, truth.incident, decisions, done)] if truth.incident else [],
        "false_pauses": _false_pauses(truth.incident, decisions, done),
        "segments": segments,
        "events_per_second": round(truth.events["posted"] / truth.duration_s, 1) if truth.duration_s else 0.0,
        "requests": {
            name: truth.requests[name]
            for name in ("posted", "accepted", "refused", "unanswered", "rejected_bad_signature")
        },
    }
    report["problems"] = problems(report)
    return report


def _compare(client: Client, truth: Truth) -> tuple[int, int, int, int]:
    """Stored rows, accepted events without one, rows nobody sent, and rows of an event that has one already."""
    rows = unexpected = 0
    found = set()
    for part in store.keys(client, len(truth.accepted)):
        rows += len(part)
        distinct = set(part)
        found |= distinct
        unexpected += sum(1 for key in distinct if key not in truth.accepted and key not in truth.uncertain)
    lost = sum(1 for key in truth.accepted if key not in found)
    return rows, lost, unexpected, rows - len(found)


def _activities(client: Client, truth: Truth) -> Report:
    """What the shop said: accepted, stored, and accepted without a row."""
    stored = store.activity_ids(client)
    lost = len(truth.activities.difference(stored))
    return {"accepted": len(truth.activities), "stored": len(stored), "lost": lost}


def _mismatches(client: Client, truth: Truth) -> list[Report]:
    """Where counts of the tables differ from the truth; an uncertain event may count or not."""
    expected, uncertain = truth.counts(), truth.uncertain_counts()
    wrong: list[Report] = []
    stored = store.event_counts(client)
    for tenant, campaign, kind in sorted({*expected, *stored}):
        place = (tenant, campaign, kind)
        _check(wrong, "email_events", place, (expected[place], uncertain[place]), stored[place])
    partials = store.partial_sums(client)
    for group in ("campaign", "tenant"):
        wanted, perhaps = _by_metric(expected, group), _by_metric(uncertain, group)
        held = {(t, key): sums for (t, kind, key), sums in partials.items() if kind == group}
        for tenant, key in sorted({*held, *((t, k) for t, k, _ in wanted)}):
            sums = held.get((tenant, key), dict.fromkeys(store.METRICS, 0))
            for name, (_, metrics) in _METRICS_OF.items():
                place = (tenant, key, name)
                count = sum(sums[metric] for metric in metrics)
                _check(wrong, f"reputation_partials/{group}", place, (wanted[place], perhaps[place]), count)
    return wrong[:_SHOWN_MISMATCHES]


def _by_metric(counts: Counter[tuple[str, str, str]], group: str) -> Counter[tuple[str, str, str]]:
    """Counts by (tenant, key, name in _METRICS_OF)."""
    names = {kind: name for name, (kinds, _) in _METRICS_OF.items() for kind in kinds}
    summed: Counter[tuple[str, str, str]] = Counter()
    for (tenant, campaign, kind), n in counts.items():
        summed[tenant, campaign if group == "campaign" else tenant, names[kind]] += n
    return summed


def _check(wrong: list[Report], table: str, place: tuple[str, str, str], expected: tuple[int, int], found: int) -> None:
    at_least, perhaps = expected
    if not at_least <= found <= at_least + perhaps:
        tenant, key, kind = place
        row = {"table": table, "tenant": tenant, "key": key, "event_type": kind, "expected": at_least, "found": found}
        wrong.append(row)


def _is_about(incident: Incident | None, row: Sequence[Any]) -> bool:
    """Whether a decision stops what the scenario made bad, by the means that fits."""
    _, action, campaign, ip = row[:4]
    if incident is None:
        return False
    if action == "rest_ip":
        return bool(incident.ip) and ip == incident.ip
    return bool(incident.campaign) and campaign == incident.campaign


def _false_pauses(incident: Incident | None, decisions: Sequence[Sequence[Any]], done: Mapping[str, int]) -> int:
    return sum(1 for row in decisions if row[1] in _STOPPING and row[0] in done and not _is_about(incident, row))


def _incident(truth: Truth, incident: Incident, decisions: Sequence[Sequence[Any]], done: Mapping[str, int]) -> Report:
    """What became of the scenario's bad part; null for what has not happened."""
    about = sorted((row for row in decisions if row[1] in _STOPPING and _is_about(incident, row)), key=lambda r: r[5])
    executed = min((done[row[0]] for row in about if row[0] in done), default=0)
    decided = about[0][5] if about else 0
    signals = [row[4] for row in about if row[4]]
    return {
        "key": incident.key,
        "started_at": _time(incident.started_at),
        "first_signal_at": _time(min(signals, default=0)),
        "decided_at": _time(decided),
        "executed_at": _time(executed or _control_call(truth, incident)),
        "messages_sent_after_start": incident.messages_sent,
        "seconds_to_decision": _seconds(incident.started_at, decided),
        "seconds_to_stop": _seconds(incident.started_at, executed),
    }


def _control_call(truth: Truth, incident: Incident) -> int:
    """When the sender itself was told, for want of an outcome in the table."""
    target = incident.campaign or incident.ip
    return min((call.at for call in truth.controls if target in call.target and call.status < 300), default=0)


def _time(at_ms: int) -> str | None:
    return iso(at_ms) if at_ms else None


def _seconds(start_ms: int, end_ms: int) -> float | None:
    return round((end_ms - start_ms) / 1000, 1) if start_ms and end_ms else None


def _quantiles(figures: Iterable[float]) -> dict[str, float | None]:
    ordered = sorted(figures)
    if not ordered:
        return {"p50": None, "p99": None}
    return {name: round(ordered[int((len(ordered) - 1) * q)], 1) for name, q in (("p50", 0.5), ("p99", 0.99))}


def problems(report: Report) -> list[str]:
    """One sentence per broken promise."""
    said = [sentence.format(report[name]) for name, sentence in _PROMISES.items() if report[name]]
    if report["count_mismatches"]:
        said.append(f"{len(report['count_mismatches'])} counts in ClickHouse differ from what was sent")
    if report["activities"]["lost"]:
        said.append(f"{report['activities']['lost']} activities were accepted and are not in ClickHouse")
    segments = report["segments"]
    said += [f"{segments[name]} {sentence}" for name, sentence in _OF_SEGMENTS.items() if segments[name]]
    if not report["accepted"]:
        said.append("the gateway accepted nothing")
    for incident in report["incidents"]:
        if incident["started_at"] is None:
            said.append(f"{incident['key']} never began: the run was too short")
        elif incident["executed_at"] is None:
            said.append(f"{incident['key']} went bad and was not stopped")
    return said


_PROMISES = {
    "lost": "{} events were accepted and are not in ClickHouse",
    "unexpected": "{} events are in ClickHouse that nobody sent",
    "stored_twice": "{} events are stored twice under different ids",
    "forged_accepted": "{} forged events were accepted",
    "false_pauses": "{} healthy campaigns or addresses were stopped",
}
_OF_SEGMENTS = {
    "oracle_mismatches": "memberships in segments are by the stream or by SQL, and not by both",
    "misnumbered": "recipients have transitions of segments that are missing or there twice",
}
