"""Dead letters as a replay takes them, from the store: by the named query that the console lists them with."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dashboards.console.store import StoreClient, table_of
from dashboards.decisions import FOREVER_MS
from dashboards.queries import PRIVATE, query
from schemas.topics import MAX_MESSAGE_BYTES
from streams.core.replay import Letter

FILTERS = ("tenant", "stage", "code", "source", "id", "state")
STATES = ("open", "replayed", "failed_again")
_MOST_BYTES = 64 << 20  # of the letters that hold a record; the rest waits for the next replay
MOST_AT_ONCE = 10_000  # letters a replay; their records are appended at a pace, so an hour at most


def find(client: StoreClient, given: Mapping[str, str], limit: int) -> list[Letter]:
    """The letters that the filters name, newest first, with a record's bytes where only the letter has them.

    Fewer where they hold very many bytes. `given`: some of FILTERS, `from_ms` and `to_ms`.
    Raises BadParameterError, ClickHouseError.
    """
    span = {"from_ms": "0", "to_ms": str(FOREVER_MS)}
    found, held = [], 0
    for row in rows_of(client, "dead_letters", {**span, **given, "limit": str(limit)}):
        found.append(_with_bytes(client, letter_of(row)))
        held += len(found[-1].original)
        if held > _MOST_BYTES:
            break
    return found


def rows_of(client: StoreClient, name: str, given: Mapping[str, str]) -> list[dict[str, Any]]:
    """The rows of a named query, a private one too."""
    named = PRIVATE.get(name) or query(name)
    return table_of(client.query(named.sql, named.bind(given))).records()


def letter_of(row: Mapping[str, Any]) -> Letter:
    """The letter of a row of the list, without bytes."""
    return Letter(
        dead_letter_id=row["dead_letter_id"],
        tenant=row["tenant"],
        source=row["source"],
        stage=row["stage"],
        code=row["code"],
        received_at=row["received_at"],
        topic=row["origin_topic"],
        partition=row["origin_partition"],
        offset=row["origin_offset"],
        item_index=row["item_index"],
    )


def _with_bytes(client: StoreClient, letter: Letter) -> Letter:
    if not letter.is_whole:
        return letter
    given = {"id": letter.dead_letter_id, "most_bytes": str(MAX_MESSAGE_BYTES)}
    found = rows_of(client, "dead_letter_original", given)
    return replace(letter, original=base64.b64decode(found[0]["original"])) if found else letter
