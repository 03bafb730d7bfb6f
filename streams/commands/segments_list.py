"""`mailweir segments list`: which segments there are, whether they are live, how large, who came and went in a day."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from dashboards.console.store import table_of
from dashboards.queries import query
from dashboards.segments.listing import listed
from dashboards.segments.why_data import instant, rfc3339
from schemas.config import Config
from schemas.segments.configured import configured_segments
from schemas.segments.rules import Segment
from sinks.clickhouse import translate

_DAY_MS = 86_400_000
_MOST = 20_000  # those that there are and those that there were
_HEAD = ("SEGMENT", "STATUS", "SIZE", "LIVE SINCE (UTC)", "ENTERED 24H", "LEFT 24H")
_IS_NUMBER = (False, False, True, False, True, True)


def run_list(
    store: Client, files: Sequence[Segment] | None, tenant: str, out: TextIO, now_ms: int, *, as_json: bool = False
) -> int:
    """Print a line for each, or JSON lines. `files`: None where no folder is configured; `tenant` "": all.

    Raises Misconfigured or Transient.
    """
    given = {"tenant": tenant, "limit": str(_MOST)}
    try:
        announced = _rows(store, "segment_list", given)
        rows = _rows(store, "segments", given | {"from_ms": str(now_ms - _DAY_MS), "to_ms": str(now_ms + 1)})
    except ClickHouseError as error:
        raise translate(error, "reading the segments") from error
    found = listed(rows, announced, files, tenant)
    if as_json:
        out.writelines(json.dumps(_plain(each)) + "\n" for each in found)
    elif found:
        out.write(_table(found))
    else:
        out.write(f"No segment{f' of {tenant}' if tenant else ''} is there; docs/segments.md says how to write one.\n")
    return 0


def _rows(store: Client, name: str, given: Mapping[str, str]) -> list[dict[str, Any]]:
    named = query(name)
    return table_of(store.query(named.sql, parameters=named.bind(given))).records()


def files_of(config: Config, file: Path) -> list[Segment] | None:
    """The configured segments, None where no folder is. Raises Misconfigured."""
    if not config.segments:
        return None
    return [each for segments in configured_segments(config, file).values() for each in segments]


def _plain(record: Mapping[str, Any]) -> dict[str, Any]:
    """Times as RFC 3339, null where there is none."""
    times = {name: rfc3339(record[name] or None) for name in ("live_since", "last_change_at")}
    return {**record, **times}


def _table(records: Sequence[Mapping[str, Any]]) -> str:
    is_one = len({each["tenant"] for each in records}) == 1
    lines = [_HEAD, *(_line(each, is_one=is_one) for each in records)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(_HEAD))]
    return "".join(
        "  ".join(
            cell.rjust(width) if is_number else cell.ljust(width)
            for cell, width, is_number in zip(line, widths, _IS_NUMBER, strict=True)
        ).rstrip()
        + "\n"
        for line in lines
    )


def _line(record: Mapping[str, Any], *, is_one: bool) -> tuple[str, ...]:
    name = record["id"] if is_one else f"{record['tenant']}/{record['id']}"
    since = instant(record["live_since"])[:16] if record["live_since"] else "-"
    figures = (f"{record[name]:,}" for name in ("entered", "exited"))
    return (name, record["status"], f"{record['size']:,}", since, *figures)
