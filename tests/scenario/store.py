"""A store filled with a scenario by the sink's own loader, with the intents the sink writes before its batches."""

from __future__ import annotations

from datetime import UTC, datetime

from clickhouse_connect.driver.client import Client

from schemas.avro import Codec
from sinks.batches import Batch, Bounds, Entry, Partition
from sinks.intents import COLUMNS
from sinks.loader import Loader
from sinks.migrate import apply_tables
from sinks.tables import TABLES
from tests.scenario.river import River

AT_ONCE = 400
TAKEN_AFTER_MS = 250  # after the receipt: by the store's own clock the whole scenario would be a moment


def fill(client: Client, river: River, late_by_ms: int = 0) -> None:
    """Create the tables and load all of it. `late_by_ms`: by how much the sink lags behind."""
    after_ms = TAKEN_AFTER_MS + late_by_ms
    apply_tables(client)
    client.command("SYSTEM STOP MERGES")  # what came twice must not count twice before a merge drops it
    loader = Loader(client, Codec())
    for spec in TABLES:
        records = river.topics.get(spec.topic.name, [])
        for first in range(0, len(records), AT_ONCE):
            part = records[first : first + AT_ONCE]
            entries = [Entry(first + place, stamped.at, stamped.value) for place, stamped in enumerate(part)]
            batch = Batch(Partition(spec.topic.name, 0), "id", Bounds(first, first + len(part) - 1), entries)
            written_at = datetime.fromtimestamp((part[-1].at + after_ms) / 1000, UTC)
            intent = [spec.topic.name, "id", 0, first, first + len(part) - 1, len(part), "sink-1", written_at]
            client.insert("sink_batches", [intent], column_names=[*COLUMNS, "written_at"])
            assert loader.load(spec, batch, loader.sort(spec, batch)) == []
    _take_in_then(client, after_ms)


def _take_in_then(client: Client, after_ms: int) -> None:
    """Mail events as if the store had taken them in soon after their receipt; by copy, since a mutation merges."""
    client.command("CREATE TABLE taken AS email_events")
    client.command(
        f"INSERT INTO taken SELECT * REPLACE (addMilliseconds(received_at, {after_ms}) AS inserted_at)"
        " FROM email_events",
        settings={"optimize_on_insert": 0},
    )
    client.command("EXCHANGE TABLES taken AND email_events")
    client.command("DROP TABLE taken")
