"""`mailweir segments sql` and `preview`: a segment as a query of the stored events, and what comes of asking it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TextIO

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from dashboards.segments.chosen import chosen
from dashboards.segments.preview import compiled, instant, preview
from schemas.segments.rules import Segment
from sinks.clickhouse import translate

_ESCAPES = (("\\", "\\\\"), ("\n", "\\n"), ("\t", "\\t"), ("\r", "\\r"), ("\0", "\\0"))


def run_sql(segments: Sequence[Segment], id_: str, out: TextIO, now_ms: int) -> int:
    """Print statements for clickhouse-client: the parameters, then the query. Raises Misconfigured."""
    segment = chosen(segments, id_)
    query = compiled(segment, segments)
    out.write(f"-- Segment {segment.id}, recipients at {instant(now_ms)}\n")
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
    try:
        found = preview(store, segment, segments, now_ms)
    except ClickHouseError as error:
        raise translate(error, f"asking for segment {segment.id}") from error
    if as_json:
        out.write(json.dumps(found.as_data()) + "\n")
        return 0
    size, keys = found.size, found.keys
    out.write(f"{segment.id}: {size} {'recipient' if size == 1 else 'recipients'} at {instant(now_ms)}\n")
    out.writelines(f"  {key}\n" for key in keys)
    out.write(f"  and {size - len(keys)} more\n" if size > len(keys) else "")
    return 0


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
