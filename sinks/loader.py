"""One batch into its table: Avro bodies pass from the log to ClickHouse without becoming Python objects.

Each body stands in an Avro container block of its own. A body that is too short or too long is then
caught at its block's end instead of shifting every row behind it, at no measurable cost (19 bytes a
record). What ClickHouse refuses is narrowed down to single records by halving, with tokens that follow
from the path of the halving, so that a repeated run sends the same parts under the same names.
Container layout: Avro specification 1.11, "Object Container Files".
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from schemas.aggregates import LaneIds, LaneMarker, Tick
from schemas.avro import HEADER_SIZE, Codec, SchemaVersion, container
from schemas.encoding import long
from schemas.errors import FailureCode, Permanent
from sinks.batches import Batch, Entry
from sinks.clickhouse import OutOfMemory, translate
from sinks.repeats import Repeats
from sinks.tables import TableSpec

CONTROL = (LaneMarker, LaneIds, Tick)  # a lane's own records share the topics; they are no rows
_SYNC_SIZE = 16
_EMPTY_BLOCK_SIZE = 2 + _SYNC_SIZE  # count 0, length 0, sync marker
_ONE = b"\x02"  # the number 1 as zigzag varint
_TURNS = 3  # of sending what a repeat left out: the second is needed only if the store was killed in the first
_LOG = logging.getLogger(__name__)

# Never trust a server's defaults here: async_insert is on from 26.x, and the last one was off from 24.7.
SETTINGS: dict[str, Any] = {
    "async_insert": 0,
    "insert_deduplicate": 1,
    "optimize_on_insert": 0,  # equal ids within a batch are rare, and FINAL and merges drop them all the same
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    "max_partitions_per_insert_block": 0,  # a batch is bounded, and one forged date must not stop the flow
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that cannot become a row."""

    entry: Entry
    code: FailureCode
    reason: str


@dataclass(slots=True)
class Sorted:
    """A batch by schema version. `skipped` counts tombstones and control records."""

    groups: dict[SchemaVersion, list[Entry]] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)
    skipped: int = 0

    @property
    def is_silent(self) -> bool:
        """Nothing to store and nothing to report."""
        return not self.groups and not self.refused


class Loader:
    """Inserts batches through one client."""

    def __init__(self, client: Client, codec: Codec) -> None:
        self._client = client
        self._codec = codec
        self._repeats = Repeats(client, codec)

    def sort(self, spec: TableSpec, batch: Batch) -> Sorted:
        """Which records are rows, in which schema; the rest skipped or refused."""
        found = Sorted()
        for entry in batch.entries:
            if entry.value is None:
                found.skipped += 1
                continue
            try:
                version = self._codec.version_of(entry.value)
            except Permanent as error:
                found.refused.append(Refusal(entry, error.code, str(error)))
                continue
            if version.record is spec.record:
                found.groups.setdefault(version, []).append(entry)
            elif version.record in CONTROL:
                found.skipped += 1
            else:
                reason = f"expected {spec.record.__name__}, the record is a {version.record.__name__}"
                found.refused.append(Refusal(entry, FailureCode.UNDECODABLE, reason))
        return found

    def load(self, spec: TableSpec, batch: Batch, found: Sorted, *, is_repeat: bool = False) -> list[Refusal]:
        """Insert the rows of a sorted batch; every record that did not become a row, and why.

        Calling it again with the same batch changes nothing. `is_repeat`: it may have been sent before, so
        see that its rows are there. Raises Transient or Misconfigured.
        """
        refused = list(found.refused)
        for version, entries in sorted(found.groups.items(), key=lambda group: group[0].schema_id):
            token = f"{batch.token}:v{version.version}"
            self._load(spec, version, entries, token, refused)
            if is_repeat:
                self._complete(spec, version, entries, token, refused)
        return refused

    def _complete(
        self, spec: TableSpec, version: SchemaVersion, entries: list[Entry], token: str, refused: list[Refusal]
    ) -> None:
        """Send what the store dropped as a duplicate though it does not have it, under a token of its own."""
        rows = self._lacking(spec, entries, refused)
        for turn in range(_TURNS):
            if not rows:
                return
            _LOG.warning("sink: %s had taken %d rows for duplicates and lacks them: sent again", spec.table, len(rows))
            self._load(spec, version, rows, f"{token}:lost{turn}", refused)
            rows = self._lacking(spec, rows, refused)
        if rows:
            _LOG.error("sink: %s takes %d rows from %s and does not show them", spec.table, len(rows), token)

    def _lacking(self, spec: TableSpec, entries: Sequence[Entry], refused: Sequence[Refusal]) -> list[Entry]:
        """The entries that are neither refused nor in the table."""
        gone = {refusal.entry.offset for refusal in refused}
        return self._repeats.missing(spec, [entry for entry in entries if entry.offset not in gone])

    def _load(
        self, spec: TableSpec, version: SchemaVersion, entries: list[Entry], token: str, refused: list[Refusal]
    ) -> None:
        try:
            self._insert(spec, version, entries, token)
        except OutOfMemory:  # a record that claims a size of gigabytes looks like this, too
            if not self._undecodable(spec, entries):
                raise
        except Permanent as error:
            if len(entries) == 1:
                refused.append(Refusal(entries[0], error.code, str(error)))
                return
        else:
            return
        self._load_readable(spec, version, entries, token, refused)

    def _load_readable(
        self, spec: TableSpec, version: SchemaVersion, entries: list[Entry], token: str, refused: list[Refusal]
    ) -> None:
        """Set aside what does not decode (10 us a record, against an insert each), halve the rest."""
        bad = self._undecodable(spec, entries)
        refused.extend(bad)
        offsets = {refusal.entry.offset for refusal in bad}
        rest = [entry for entry in entries if entry.offset not in offsets]
        if bad and rest:
            self._load(spec, version, rest, f"{token}.r", refused)
        elif rest:
            middle = len(rest) // 2
            self._load(spec, version, rest[:middle], f"{token}.0", refused)
            self._load(spec, version, rest[middle:], f"{token}.1", refused)

    def _undecodable(self, spec: TableSpec, entries: Sequence[Entry]) -> list[Refusal]:
        bad = []
        for entry in entries:
            try:
                self._codec.decode(entry.value or b"", spec.record)
            except Permanent as error:
                bad.append(Refusal(entry, error.code, str(error)))
        return bad

    def _insert(self, spec: TableSpec, version: SchemaVersion, entries: Sequence[Entry], token: str) -> None:
        block = blocks(version, [entry.value[HEADER_SIZE:] for entry in entries if entry.value])
        try:
            self._client.raw_insert(
                spec.table,
                column_names=columns(version),
                insert_block=block,
                fmt="Avro",
                settings=SETTINGS | {"insert_deduplication_token": token},
            )
        except ClickHouseError as error:
            raise translate(error, f"inserting {len(entries)} records into {spec.table}") from error


def blocks(version: SchemaVersion, bodies: Sequence[bytes]) -> bytes:
    """The bodies as an Avro container with one block per body."""
    head, sync = _frame(version)
    if not bodies:
        return head
    between = sync + _ONE  # the end of one block and the count of the next
    return b"".join((head, _ONE, between.join([long(len(body)) + body for body in bodies]), sync))


@cache
def columns(version: SchemaVersion) -> tuple[str, ...]:
    """The columns that a record of this schema fills, in order."""
    return tuple(item["name"] for item in json.loads(version.path.read_text(encoding="utf-8"))["fields"])


@cache
def _frame(version: SchemaVersion) -> tuple[bytes, bytes]:
    """Container header and sync marker."""
    empty = container(version, [])
    return empty[:-_EMPTY_BLOCK_SIZE], empty[-_SYNC_SIZE:]
