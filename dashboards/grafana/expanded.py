"""What Grafana and its ClickHouse data source make of our SQL before the store sees it, for tests and measurements."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from dashboards.grafana.sql import NOW_MS
from schemas.errors import Misconfigured


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A board as somebody looks at it: its span, the step of its charts, what is chosen ("" is All)."""

    from_ms: int
    to_ms: int
    interval_s: int
    chosen: Mapping[str, str] = field(default_factory=dict)


def expanded(sql: str, seen: Seen) -> str:
    """The SQL with macros and variables replaced; an alert's clock stands still at the span's end.

    Raises Misconfigured when anything is left that Grafana would have to replace.
    """
    for macro, text in (
        ("$__fromTime", f"toDateTime({seen.from_ms // 1000})"),
        ("$__toTime", f"toDateTime({seen.to_ms // 1000})"),
        ("$__interval_s", str(seen.interval_s)),
        (NOW_MS, f"toInt64({seen.to_ms})"),
    ):
        sql = sql.replace(macro, text)
    sql = re.sub(r"\$\{(\w+):singlequote\}", lambda match: _quoted(seen.chosen.get(match[1], "")), sql)
    if left := re.search(r"\$[_{]\S*|now64\(", sql):
        raise Misconfigured(f"dashboards/grafana: nothing is known of {left[0]}")
    return sql


def _quoted(text: str) -> str:
    """As the format `singlequote` does it."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
