"""One recipient in numbers: what their own opens and clicks say, and what they said themselves.

Everything is computed by the view `recipient_profiles` (`docs/tables.md`) from the stored events.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from dashboards.console.store import StoreClient, table_of
from dashboards.segments.why import unknown_recipient
from dashboards.segments.why_data import rfc3339

_PROFILE = """
SELECT *
FROM mailweir.recipient_profiles(tenant = {tenant:String}, at = fromUnixTimestamp64Milli({at:Int64}, 'UTC'))
WHERE recipient_key = {recipient:String}
"""


def profile(store: StoreClient, tenant: str, recipient_key: str, at: int, most_s: int | None = None) -> dict[str, Any]:
    """What `mailweir segments profile --json` and the console's API answer, by what was known at `at` (ms). Blocks.

    `most_s`: how long the store may take. Raises UnknownRecipientError, ClickHouseError.
    """
    given = {"tenant": tenant, "recipient": recipient_key, "at": at}
    settings = None if most_s is None else {"max_execution_time": most_s}
    found = table_of(store.query(_PROFILE, parameters=given, settings=settings)).records()
    if not found:
        raise unknown_recipient(tenant, recipient_key, at)
    return _data(found[0], at)


def _data(row: Mapping[str, Any], at: int) -> dict[str, Any]:
    return {
        "tenant": row["tenant"],
        "recipient_key": row["recipient_key"],
        "at": rfc3339(at),
        "first_seen_at": rfc3339(row["first_seen_at"]),
        "last_seen_at": rfc3339(row["last_seen_at"]),
        "mailbox_provider": row["mailbox_provider"],
        "engagement": row["engagement"],
        "last_messages": {name: row[f"last_{name}"] for name in ("delivered", "opened", "clicked")},
        "reactions": row["reactions"],
        "hours": row["hours"],
        "consent": row["consent"],
        "traits": {name: json.loads(value) for name, value in row["traits"].items()},
    }
