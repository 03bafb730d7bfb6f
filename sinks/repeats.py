"""After a repeat: which of its rows the table does not have all the same.

A table without replicas notes a block's token first and gives the block's part its name then (ClickHouse,
`MergeTreeSink`: `MergeTreeDeduplicationLog::addPart` before `renameTempPartAndAdd`). A server killed between
the two drops the repeat as a duplicate of rows that nobody has. So what was sent before is looked for, by the
columns that name a row; on the ordinary way, where nothing is sent twice, nothing is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from schemas.avro import Codec, schema_of
from sinks.batches import Entry
from sinks.clickhouse import translate
from sinks.tables import TableSpec

_ROWS = 2_000  # asked for at a time; with the longest keys in use this is some hundred kB of SQL
_MOST_SQL = 64 * 1024 * 1024  # bytes of one statement; the server's own limit is meant for people
_SLACK_MS = 3_600_000  # tables are ordered by the hour


class Repeats:
    """Looks rows up through one client."""

    def __init__(self, client: Client, codec: Codec) -> None:
        self._client = client
        self._codec = codec

    def missing(self, spec: TableSpec, entries: Sequence[Entry]) -> list[Entry]:
        """The entries of which the table has neither the row nor a newer version of it.

        Every entry must decode as `spec.record`. Raises Transient or Misconfigured.
        """
        found: list[Entry] = []
        for begin in range(0, len(entries), _ROWS):
            found += self._missing(spec, entries[begin : begin + _ROWS])
        return found

    def _missing(self, spec: TableSpec, entries: Sequence[Entry]) -> list[Entry]:
        records: list[Any] = [self._codec.decode(entry.value or b"", spec.record) for entry in entries]
        keys = [tuple(getattr(record, name) for name in spec.key) for record in records]
        held = self._held(spec, keys, [getattr(record, spec.time) for record in records] if spec.time else [])
        return [
            entry
            for entry, key, record in zip(entries, keys, records, strict=True)
            if key not in held or held[key] < getattr(record, spec.version)
        ]

    def _held(self, spec: TableSpec, keys: Sequence[tuple[Any, ...]], times: Sequence[int]) -> dict[Any, Any]:
        """The versions in the table, by key."""
        names = ", ".join(_column(spec, name) for name in spec.key)
        about = f" WHERE ({names}) IN %(keys)s"
        if times:
            span = "fromUnixTimestamp64Milli(%(first)s) AND fromUnixTimestamp64Milli(%(last)s)"
            about += f" AND {spec.time} BETWEEN {span}"
        sql = f"SELECT {names}, max({_column(spec, spec.version)}) FROM {spec.table}{about} GROUP BY {names}"  # noqa: S608 - names of our own tables
        parameters = {
            "keys": sorted(set(keys)),
            "first": min(times, default=0) - _SLACK_MS,
            "last": max(times, default=0) + _SLACK_MS,
        }
        try:
            rows = self._client.query(sql, parameters, settings={"max_query_size": _MOST_SQL}).result_rows
        except ClickHouseError as error:
            raise translate(error, f"looking for {len(keys)} rows in {spec.table}") from error
        return {tuple(row[:-1]): row[-1] for row in rows}


def _column(spec: TableSpec, name: str) -> str:
    """The column as the records have it: times are integers of milliseconds there."""
    kinds = {field["name"]: field["type"] for field in schema_of(spec.record)["fields"]}
    return f"toUnixTimestamp64Milli({name})" if isinstance(kinds[name], dict) else name
