"""What a feedback report says, by its Feedback-Type (RFC 5965, RFC 6591): not every report is a complaint."""

from __future__ import annotations

from schemas.events import EventType

_TYPES: dict[str, EventType] = {
    "not-spam": EventType.UNKNOWN,
    "auth-failure": EventType.UNKNOWN,
    "dmarc": EventType.UNKNOWN,
    "opt-out": EventType.UNSUBSCRIBED,
    "opt-out-list": EventType.UNSUBSCRIBED,
}


def event_type_of(feedback_type: str) -> EventType:
    """The canonical type of a report; a complaint unless it says otherwise."""
    return _TYPES.get(feedback_type.strip().lower(), EventType.COMPLAINED)
