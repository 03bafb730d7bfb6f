"""Who looked at what is known of one recipient: a record for each answer, written before it is given. Pure.

A look that cannot be written down is not answered, so the table of looks has all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from schemas.events import Millis
from schemas.identity import digest
from schemas.rulings import MAX_WHO, MAX_WHY, RefusedError


class Part(StrEnum):
    """What was shown of the recipient."""

    PROFILE = "profile"
    TIMELINE = "timeline"
    STANDING = "standing"  # suppressions and journeys


@dataclass(slots=True, kw_only=True)
class ConsoleAccess:
    """One look at one recipient, by key, never by address. `why` may be empty."""

    access_id: str
    tenant: str
    recipient_key: str
    part: str  # Part
    who: str
    why: str
    looked_at: Millis


def access(tenant: str, recipient_key: str, part: Part, who: str, why: str, now_ms: int) -> ConsoleAccess:
    """The record to write. `now_ms`: wall time. Raises RefusedError (422)."""
    text = {"who": " ".join(who.split()), "why": why.strip()}
    if not text["who"]:
        raise RefusedError(422, "say who looks: what is looked at of a recipient is written down with a name")
    for name, bound in (("who", MAX_WHO), ("why", MAX_WHY)):
        if len(text[name]) > bound:
            raise RefusedError(422, f"the field {name} has {len(text[name])} characters; at most {bound} are kept")
        if not _is_unicode(text[name]):
            raise RefusedError(422, f"the field {name} is no UTF-8 text")
    return ConsoleAccess(
        access_id=digest("look", tenant, recipient_key, part, text["who"], now_ms),
        tenant=tenant,
        recipient_key=recipient_key,
        part=part,
        who=text["who"],
        why=text["why"],
        looked_at=now_ms,
    )


def _is_unicode(text: str) -> bool:
    """False for half of a surrogate pair, which no record can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
