"""A block of ClickHouse's Native format as rows, read by the client's own reader: nothing of ours is asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from clickhouse_connect.driver.buffer import ResponseBuffer
from clickhouse_connect.driver.query import QueryContext, QueryResult
from clickhouse_connect.driver.transform import NativeTransform


class _Source:
    """One answer's bytes."""

    def __init__(self, data: bytes) -> None:
        self.gen: Iterator[bytes] = iter((data,))

    def close(self) -> None:
        pass


def rows_of(block: bytes) -> list[dict[str, Any]]:
    """The rows by column name; times as milliseconds, tuples as dicts."""
    context = QueryContext(query_formats={"DateTime64": "int"})
    found = cast("QueryResult", NativeTransform.parse_response(ResponseBuffer(_Source(block)), context))  # type: ignore[no-untyped-call]
    return [dict(zip(found.column_names, row, strict=True)) for row in found.result_rows]
