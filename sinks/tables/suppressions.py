"""`suppressions`: every fact about who must not be mailed; the view `suppressed` has those in force."""

from __future__ import annotations

from schemas.suppressions import Suppression
from schemas.topics import SUPPRESSIONS
from sinks.tables.spec import TableSpec

TABLE = TableSpec(
    table="suppressions",
    topic=SUPPRESSIONS,
    record=Suppression,
    key=("tenant", "recipient_key", "scope", "cause", "since", "status", "event_id"),
    version="until",
    note="every suppression and every end of one, with who and why; the view `suppressed` has those in force",
)
