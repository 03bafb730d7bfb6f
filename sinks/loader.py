"""One batch into its table: Avro bodies become columns in a compiled loop, without becoming Python objects.

What is no body of its schema is found there (`streams/core/native.py`) and set aside, with the reason. What
ClickHouse refuses all the same is narrowed down to single records by halving, with tokens that follow from the
path of the halving, so that a repeated run sends the same parts under the same names.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from schemas.aggregates import LaneIds, LaneMarker, Tick
from schemas.avro import HEADER_SIZE, Codec, SchemaVersion
from schemas.errors import FailureCode, Permanent
from schemas.remediation import Ruling
from schemas.reports import StandingReport
from schemas.suppressions import FailingDays
from sinks.batches import Batch, Entry
from sinks.clickhouse import translate
from sinks.repeats import Repeats
from sinks.tables import TableSpec
from streams.core.native import Native, native, program_of

# A lane's own records share the topics, and what the desk reads shares that of the verdicts; they are no rows there.
CONTROL = (LaneMarker, LaneIds, Tick, FailingDays, Ruling, StandingReport)
_TURNS = 3  # of sending what a repeat left out: the second is needed only if the store was killed in the first
_LOG = logging.getLogger(__name__)

# Never trust a server's defaults here: async_insert is on from 26.x, and the last one was off from 24.7.
SETTINGS: dict[str, Any] = {
    "async_insert": 0,
    "input_format_native_allow_types_conversion": 1,
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

    def refuse(self, entries: Sequence[Entry], reason: str) -> None:
        """None of these is a record of the table."""
        self.refused += [Refusal(entry, FailureCode.UNDECODABLE, reason) for entry in entries]

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
        by_header: dict[bytes | None, list[Entry]] = defaultdict(list)
        for entry in batch.entries:
            by_header[entry.value and entry.value[:HEADER_SIZE]].append(entry)
        for header, entries in by_header.items():
            if header is None:
                found.skipped += len(entries)
                continue
            try:
                version = self._codec.version_of(header)
            except Permanent as error:
                found.refuse(entries, str(error))
                continue
            if version.record is spec.record:
                found.groups[version] = entries
            elif version.record in CONTROL:
                found.skipped += len(entries)
            else:
                found.refuse(entries, f"expected {spec.record.__name__}, the record is a {version.record.__name__}")
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
        """Set aside what does not decode, insert the rest; halve it when the store refuses it."""
        block = native(version, [entry.value or b"" for entry in entries])
        refused += [Refusal(entries[at], FailureCode.UNDECODABLE, why) for at, why in block.broken.items()]
        rest = [entry for at, entry in enumerate(entries) if at not in block.broken] if block.broken else entries
        if not rest:
            return
        try:
            self._insert(spec, version, block, token)
        except Permanent as error:
            if len(rest) == 1:
                refused.append(Refusal(rest[0], error.code, str(error)))
                return
            middle = len(rest) // 2
            self._load(spec, version, rest[:middle], f"{token}.0", refused)
            self._load(spec, version, rest[middle:], f"{token}.1", refused)

    def _insert(self, spec: TableSpec, version: SchemaVersion, block: Native, token: str) -> None:
        try:
            self._client.raw_insert(
                spec.table,
                column_names=program_of(version).names,
                insert_block=block.data,
                fmt="Native",
                settings=SETTINGS | {"insert_deduplication_token": token},
            )
        except ClickHouseError as error:
            raise translate(error, f"inserting {block.rows} records into {spec.table}") from error
