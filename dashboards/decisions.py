"""A decision as the API and the command line tell it, from a row of `queries/decisions.sql`. Pure.

Times are milliseconds since the Unix epoch, 0 where there is none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from schemas.remediation import Ruling, Verb
from schemas.rulings import AFTER, WHEN, Standing, State, objection, possible, undoing

Row = Mapping[str, Any]

FOREVER_MS = 4_102_444_800_000  # the year 2100: a span's end where none is asked for
STATES: Mapping[State, str] = {
    State.OPEN: "decided, nothing came of it yet",
    State.WAITING: "waits for a person's approval",
    State.APPROVED: "approved, on its way",
    State.DONE: "done",
    State.DRY_RUN: "dry run, nothing was sent",
    State.SUGGESTED: "suggested, a person acts by other means",
    State.UNSUPPORTED: "not supported by the key's sources",
    State.FAILED: "failed",
    State.REJECTED: "rejected",
    State.EXPIRED: "expired, nobody approved it in time",
    State.REVERTING: "being reverted",
    State.REVERTED: "reverted",
    State.REVERT_FAILED: "reverting failed; put it right at the sender",
}
_PLAIN = (
    *("decision_id", "tenant", "kind", "key", "action", "mode", "state", "level", "previous_level", "reason"),
    *("share", "cause", "campaign_id", "sending_ip", "ip_pool", "mailbox_provider", "decided_at", "first_signal_at"),
    *("as_of", "expires_at", "policy_version", "key_state", "reverts", "reverted_by", "verb", "who", "why", "ruled_at"),
)
_OUTCOME = {
    "source": "sources",
    "driver": "drivers",
    "status": "statuses",
    "attempt": "attempts",
    "http_status": "http_statuses",
    "detail": "details",
    "executed_at": "executed_times",
}
_RULING = {
    "ruling_id": "ruling_ids",
    "verb": "ruling_verbs",
    "who": "ruling_people",
    "why": "ruling_reasons",
    "ruled_at": "ruling_times",
}


def brief(row: Row) -> dict[str, Any]:
    """The decision without its evidence: what a list shows."""
    return {
        **{name: row[name] for name in _PLAIN},
        "outcomes": _records(row, _OUTCOME),
        "rulings": _records(row, _RULING),
    }


def whole(row: Row, now_ms: int) -> dict[str, Any]:
    """Everything that is known of the decision, and what can be said to it now. `now_ms`: wall time."""
    now = standing(row)
    against = objection(now, Verb.REVERT, now_ms)
    return {
        **brief(row),
        "evidence": evidence(row["evidence"]),
        "possible": possible(now, now_ms),
        "revert": {"is_possible": not against, "would": undoing(now), "why_not": against},
    }


def standing(row: Row) -> Standing:
    """What the rules about rulings look at."""
    return Standing(**{name: row[name] for name in Standing.__slots__})


def ruled(row: Row, ruling: Ruling) -> dict[str, Any]:
    """The row as it will be once the store knows the ruling; as it is where it already does."""
    if ruling.ruling_id in row["ruling_ids"]:
        return dict(row)
    said = {"verb": ruling.verb, "who": ruling.who, "why": ruling.why, "ruled_at": ruling.ruled_at}
    counts = State(row["state"]) in WHEN[Verb(ruling.verb)]
    return {
        **row,
        **({**said, "state": AFTER[Verb(ruling.verb)]} if counts else {}),
        **{column: [*row[column], getattr(ruling, name)] for name, column in _RULING.items()},
    }


def evidence(text: str) -> Any:
    """The evidence as what it is, JSON; the text itself where it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _records(row: Row, columns: Mapping[str, str]) -> list[dict[str, Any]]:
    """Parallel lists as a list of records."""
    lists: Sequence[Sequence[Any]] = [row[column] for column in columns.values()]
    return [dict(zip(columns, values, strict=True)) for values in zip(*lists, strict=True)]
