"""Email events out of the store, as the topic values they once were, in the order of their receipt.

Read in stretches of time, so that never more than some two hundred thousand events are in memory. ClickHouse writes
them as Avro; with the smallest interval between synchronisation marks its container has one record a block, so a body
is cut out without being decoded. Columns that nobody judges are left empty, which spares reading them. Of an event
that was delivered several times the store keeps the last receipt.

Avro specification 1.11, "Object Container Files"; ClickHouse, "Formats: Avro" (`output_format_avro_sync_interval`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from schemas.avro import Codec, newest
from schemas.events import EmailEvent
from sinks.clickhouse import translate
from streams.core.counting import COLUMNS
from streams.core.dedupe import HOUR_MS, KEEP_HOURS

MOST_EVENTS = 200_000  # at once: some 60 MB
_MINUTE_MS, _SECOND_MS = 60_000, 1_000
_SYNC_SIZE = 16
_MAGIC = b"Obj\x01"
_AVRO = {"output_format_avro_sync_interval": 32, "output_format_avro_codec": "null"}  # bytes; 32 is the least
_EMPTY = {"string": "''", "long": "toInt64(0)", "double": "toFloat64(0)", "array": "CAST([] AS Array(String))"}


class Stretch(NamedTuple):
    """From `begin` up to, not including, `end` (ms, by receipt), and how many rows the store has there, or more."""

    begin: int
    end: int
    rows: int


@dataclass(frozen=True, slots=True)
class Window:
    """What is read: receipts from `since` up to, not including, `until` (ms), of one tenant ("": of all)."""

    since: int
    until: int
    tenant: str = ""

    @property
    def condition(self) -> str:
        """As SQL, for `parameters`."""
        span = "received_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')"
        span += " AND received_at < fromUnixTimestamp64Milli({until:Int64}, 'UTC')"
        return f"{span} AND ({{tenant:String}} = '' OR tenant = {{tenant:String}})"

    @property
    def parameters(self) -> dict[str, int | str]:
        """Values of the placeholders."""
        return {"since": self.since, "until": self.until, "tenant": self.tenant}


def last_receipt(store: Client, window: Window) -> int:
    """When the last event of the window was received (ms), 0 if there is none. Raises Misconfigured or Transient."""
    sql = f"SELECT toUnixTimestamp64Milli(max(received_at)) FROM mailweir.email_events WHERE {window.condition}"  # noqa: S608
    return max(int(_rows(store, sql, window)[0][0]), 0)


def stretches(store: Client, window: Window, most: int = MOST_EVENTS) -> list[Stretch]:
    """The window cut into stretches of at most `most` rows, or of one second."""
    parts: list[Stretch] = []
    for minute in _counted(store, window, _MINUTE_MS):
        if minute.rows <= most:
            parts.append(minute)
        else:
            part = Window(max(minute.begin, window.since), min(minute.end, window.until), window.tenant)
            parts += _counted(store, part, _SECOND_MS)
    return _joined(parts, window, most)


def values(store: Client, stretch: Stretch, window: Window, codec: Codec) -> list[bytes]:
    """The stretch's events as topic values, by receipt. Raises Misconfigured or Transient."""
    part = Window(stretch.begin, stretch.end, window.tenant)
    since = stretch.begin - KEEP_HOURS * HOUR_MS  # what happened earlier is too late to be counted
    sql = (
        f"SELECT {', '.join(_columns())} FROM mailweir.email_events FINAL WHERE {part.condition}"  # noqa: S608
        f" AND occurred_at >= fromUnixTimestamp64Milli({since}, 'UTC')"
        " ORDER BY received_at, event_id, tenant, occurred_at"
    )
    try:
        data = store.raw_query(sql, parameters=part.parameters, settings=_AVRO, fmt="Avro")
    except ClickHouseError as error:
        raise translate(error, "reading the events") from error
    head = codec.header(EmailEvent)
    return [head + body for body in _bodies(data)]


def _counted(store: Client, window: Window, size_ms: int) -> list[Stretch]:
    """Rows by minute or second; several for an event that is stored several times and not merged yet."""
    sql = (
        f"SELECT intDiv(toUnixTimestamp64Milli(received_at), {size_ms}) AS place, count()"  # noqa: S608
        f" FROM mailweir.email_events WHERE {window.condition} GROUP BY place ORDER BY place"
    )
    return [Stretch(place * size_ms, (place + 1) * size_ms, rows) for place, rows in _rows(store, sql, window)]


def _joined(parts: Sequence[Stretch], window: Window, most: int) -> list[Stretch]:
    """Neighbours together as long as they are not too many; nothing outside the window."""
    found: list[Stretch] = []
    for part in parts:
        begin, end, rows = max(part.begin, window.since), min(part.end, window.until), part.rows
        if found and found[-1].rows + rows <= most:
            before = found.pop()
            begin, rows = before.begin, before.rows + rows
        found.append(Stretch(begin, end, rows))
    return found


def _columns() -> Iterator[str]:
    """An expression for each field of the record, under a name that no column has."""
    for field in json.loads(newest(EmailEvent).path.read_text(encoding="utf-8"))["fields"]:
        name, kind = field["name"], field["type"]
        is_time = isinstance(kind, dict) and "logicalType" in kind
        plain = _EMPTY[kind["type"] if isinstance(kind, dict) else kind]
        read = f"toUnixTimestamp64Milli({name})" if is_time else f"toString({name})"
        yield f"{read if name in COLUMNS else plain} AS its_{name}"


def _bodies(data: bytes) -> Iterator[bytes]:
    """The records of a container that has one in each block. Raises ValueError for another one."""
    at = _behind_head(data)
    while at < len(data):
        count, at = _long(data, at)
        size, at = _long(data, at)
        if count != 1 or at + size + _SYNC_SIZE > len(data):
            raise ValueError(f"a block of the store's Avro has {count} records, or ends too early")
        yield data[at : at + size]
        at += size + _SYNC_SIZE


def _behind_head(data: bytes) -> int:
    """Where the first block begins: behind magic, a map of texts and the first synchronisation mark."""
    count, at = _long(data, len(_MAGIC))
    while count:
        for _ in range(2 * abs(count)):
            size, at = _long(data, at)
            at += size
        count, at = _long(data, at)
    return at + _SYNC_SIZE


def _long(data: bytes, at: int) -> tuple[int, int]:
    """A zigzag number, and the place behind it. Raises IndexError where the data ends."""
    found = shift = 0
    while True:
        byte = data[at]
        at += 1
        found |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return (found >> 1) ^ -(found & 1), at


def _rows(store: Client, sql: str, window: Window) -> Sequence[Sequence[int]]:
    try:
        return store.query(sql, parameters=window.parameters).result_rows
    except ClickHouseError as error:
        raise translate(error, "reading the events") from error
