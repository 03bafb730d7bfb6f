"""`mailweir segments sql` and `preview`: a segment as a query of the stored events, and what comes of asking it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TextIO

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from schemas.errors import Misconfigured
from schemas.segments.rules import Segment
from sinks.clickhouse import translate
from streams.core.segments.sql.query import Query, compile_sql

_LISTED = 10  # ids in an error
_ESCAPES = (("\\", "\\\\"), ("\n", "\\n"), ("\t", "\\t"), ("\r", "\\r"), ("\0", "\\0"))


def run_sql(segments: Sequence[Segment], id_: str, out: TextIO, now_ms: int) -> int:
    """Print statements for clickhouse-client: the parameters, then the query. Raises Misconfigured."""
    segment = chosen(segments, id_)
    query = _compiled(segment, segments)
    out.write(f"-- Segment {segment.id}, recipients at {_instant(now_ms)}\n")
    out.writelines(
        f"SET param_{name} = {_quoted(value)};\n" for name, value in query.at(segment.tenant, now_ms).items()
    )
    out.write(f"{query.text};\n")
    return 0


def run_preview(
    store: Client, segments: Sequence[Segment], id_: str, out: TextIO, now_ms: int, *, as_json: bool = False
) -> int:
    """Print how many recipients the segment has by the stored events, and some. Raises Misconfigured or Transient."""
    segment = chosen(segments, id_)
    query = _compiled(segment, segments)
    try:
        rows = store.query(query.counting, parameters=query.at(segment.tenant, now_ms)).result_rows
    except ClickHouseError as error:
        raise translate(error, f"asking for segment {segment.id}") from error
    size, keys = rows[0]
    if as_json:
        found = {"id": segment.id, "tenant": segment.tenant, "at": _instant(now_ms), "size": size, "sample": keys}
        out.write(json.dumps(found) + "\n")
        return 0
    out.write(f"{segment.id}: {size} {'recipient' if size == 1 else 'recipients'} at {_instant(now_ms)}\n")
    out.writelines(f"  {key}\n" for key in keys)
    out.write(f"  and {size - len(keys)} more\n" if size > len(keys) else "")
    return 0


def chosen(segments: Sequence[Segment], id_: str) -> Segment:
    """The segment with that id; "" is enough where there is only one. Raises Misconfigured."""
    found = [segment for segment in segments if id_ in ("", segment.id)]
    if len(found) == 1:
        return found[0]
    ids = sorted({segment.id for segment in segments})
    listed = ", ".join(ids[:_LISTED]) + (", ..." if len(ids) > _LISTED else "")
    if not ids:
        raise Misconfigured("no segment is there; name a file or folder with segments")
    if not found:
        raise Misconfigured(f"no segment has the id {id_}; there are {listed}")
    raise Misconfigured(f"more than one segment is meant; choose with --id one of {listed}")


def _compiled(segment: Segment, segments: Sequence[Segment]) -> Query:
    return compile_sql(segment.rule, {each.id: each.rule for each in segments if each.tenant == segment.tenant})


def _instant(now_ms: int) -> str:
    return datetime.fromtimestamp(now_ms / 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _quoted(value: Any) -> str:
    """A literal of ClickHouse that reads as the text form of a parameter."""
    if isinstance(value, list):
        return _literal(f"[{', '.join(_literal(each) if isinstance(each, str) else str(each) for each in value)}]")
    return _literal(_escaped(value) if isinstance(value, str) else str(value))


def _literal(text: str) -> str:
    quoted = _escaped(text).replace("'", "\\'")
    return f"'{quoted}'"


def _escaped(text: str) -> str:
    for character, escape in _ESCAPES:
        text = text.replace(character, escape)
    return text
