"""Intent rows: what the sink is about to insert, written to `sink_batches` before it does.

After a crash between the insert and the offset commit, the same records are read again; only with the
same bounds do they carry the same deduplication token. The intent row remembers the bounds. It also
settles who may insert when two processes believe they own a partition: of all intents at or above the
group's offset the one written first counts, everybody else takes over its bounds, and equal bounds mean
an equal token, so the second insert is a no-op. `written_at` is the store's clock, never ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from sinks.batches import Batch, Bounds, Buffer, Partition
from sinks.clickhouse import translate

TABLE = "sink_batches"
COLUMNS = ("topic", "topic_id", "partition", "first_offset", "last_offset", "records", "writer")
TYPES = (
    "LowCardinality(String)",
    "LowCardinality(String)",
    "Int32",
    "Int64",
    "Int64",
    "UInt32",
    "LowCardinality(String)",
)
# Two equal intents within one insert block must both stay visible, and an equal one after a lost reply too.
SETTINGS = {"async_insert": 0, "insert_deduplicate": 0}


class Intents:
    """The intent rows of one store. `writer` names this process in the audit trail."""

    def __init__(self, client: Client, writer: str) -> None:
        self._client = client
        self._writer = writer

    def write(self, batches: Sequence[Batch]) -> None:
        """Announce the batches, in one insert. Raises Transient or Misconfigured."""
        rows = [
            (b.partition.topic, b.topic_id, b.partition.number, *b.bounds, len(b.entries), self._writer)
            for b in batches
        ]
        try:
            self._client.insert(TABLE, rows, column_names=COLUMNS, column_type_names=TYPES, settings=SETTINGS)
        except ClickHouseError as error:
            raise translate(error, f"announcing {len(rows)} batches in {TABLE}") from error

    def earliest(self, buffers: Sequence[Buffer]) -> dict[Partition, Bounds]:
        """Per partition the bounds that count: the first written intent at or above the group's offset.

        A partition without one is missing from the answer. Raises Transient or Misconfigured.
        """
        if not buffers:
            return {}
        conditions, parameters = [], dict[str, Any]()
        for i, buffer in enumerate(buffers):
            conditions.append(
                f"(topic = {{t{i}:String}} AND topic_id = {{i{i}:String}} AND partition = {{p{i}:Int32}}"
                f" AND first_offset >= {{c{i}:Int64}})"
            )
            parameters |= {
                f"t{i}": buffer.partition.topic,
                f"i{i}": buffer.topic_id,
                f"p{i}": buffer.partition.number,
                f"c{i}": buffer.committed,
            }
        sql = (
            f"SELECT topic, partition, first_offset, last_offset FROM {TABLE} WHERE {' OR '.join(conditions)}"  # noqa: S608 - only our own placeholders
            " ORDER BY written_at, last_offset LIMIT 1 BY topic, partition"
        )
        try:
            rows = self._client.query(sql, parameters).result_rows
        except ClickHouseError as error:
            raise translate(error, f"reading {TABLE}") from error
        return {Partition(topic, number): Bounds(first, last) for topic, number, first, last in rows}
