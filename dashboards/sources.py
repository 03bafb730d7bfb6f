"""What is said of each source: what came of it in a week, how much failed, whether it has fallen silent. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from schemas.config import Config

HOUR_MS = 3_600_000
_HABIT = 3  # hours with requests, from which on a source has a habit
SPAN_HOURS = 7 * 24  # every hour of the week once, so a quiet Sunday is known


def told(config: Config, rows: Sequence[Mapping[str, Any]], now_ms: int) -> list[dict[str, Any]]:
    """Every configured source, then those that are only seen; `rows` are the query's. `now_ms`: wall time."""
    seen = {(row["tenant"], row["source"]): row for row in rows}
    found = [
        {
            **_figures(seen.pop((source.tenant, source.name), None), now_ms),
            "source": source.name,
            "tenant": source.tenant,
            "provider": source.provider,
            "is_configured": True,
            "is_signed": bool(source.secrets),
        }
        for source in config.sources
    ]
    found += [
        {
            **_figures(row, now_ms),
            "source": row["source"],
            "tenant": row["tenant"],
            "provider": row["provider"],
            "is_configured": False,
            "is_signed": False,
        }
        for row in seen.values()
    ]
    return found


def silent_since(hours: Sequence[int], last_seen_ms: int, now_ms: int) -> int:
    """Since when nothing came, if that is longer than ever in the span; else 0.

    `hours`: begins of the hours in which something came, any order. One hour is always allowed, and with fewer than
    three hours in which something came nothing is known of the source's habits.
    """
    known = sorted(set(hours))
    if len(known) < _HABIT:
        return 0
    longest = max(after - before for before, after in pairwise(known))
    return last_seen_ms if now_ms - last_seen_ms > longest + HOUR_MS else 0


def _figures(row: Mapping[str, Any] | None, now_ms: int) -> dict[str, Any]:
    end = now_ms // HOUR_MS * HOUR_MS
    hours = [end - HOUR_MS * ago for ago in range(SPAN_HOURS - 1, -1, -1)]
    if row is None:
        row = {"last_seen_at": 0, "requests": 0, "events": 0, "failed": 0, "hours": []}
    came = dict(zip(row["hours"], range(len(row["hours"])), strict=True))
    by_hour = {
        name: [row[f"{name}_by_hour"][came[hour]] if hour in came else 0 for hour in hours]
        for name in ("requests", "events")
    }
    read = row["events"] + row["failed"]
    return {
        **{name: row[name] for name in ("last_seen_at", "requests", "events", "failed")},
        "failed_share": row["failed"] / read if read else None,
        "silent_since": silent_since(row["hours"], row["last_seen_at"], now_ms),
        "last_failure": _failure(row),
        "hours": hours,
        **{f"{name}_by_hour": values for name, values in by_hour.items()},
    }


def _failure(row: Mapping[str, Any]) -> dict[str, Any] | None:
    if not row["failed"]:
        return None
    return {"dead_letter_id": row["last_failure_id"], "reason": row["last_failure"], "failed_at": row["last_failed_at"]}
