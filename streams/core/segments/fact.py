"""Facts: what segments know of a recipient, one for each canonical event, under a name and with properties.

A mail event is `email_` and its type: `email_delivered`, `email_clicked`; opens and clicks by machines are
`email_opened_machine` and `email_clicked_machine`. A tracked activity is its own name in lower case with `_` for what
is no letter or digit: "Order Completed" is `order_completed`; other activities are their kind: `page`, `identify`.
Properties are those of the activity, of a mail event its fields (`MAIL_PROPERTIES`) and `metadata`, an object.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from schemas.events import ActivityEvent, EmailEvent, Machine
from schemas.segments.names import MACHINE_SUFFIX, MAIL_PREFIX, MAIL_PROPERTIES, METADATA, snake

TRACK = "track"


class Fact(NamedTuple):
    """`at`: when it happened; `known_at`: when the log had it; both ms, UTC. `traits`: those it sets."""

    event_id: str
    name: str
    at: int
    known_at: int
    properties: Mapping[str, Any]
    traits: Mapping[str, Any]


def of_mail(event: EmailEvent, known_at: int) -> Fact:
    """The fact that a mail event is."""
    suffix = MACHINE_SUFFIX if event.machine == Machine.MACHINE else ""
    properties = {name: getattr(event, name) for name in MAIL_PROPERTIES}
    properties[METADATA] = parsed(event.metadata)
    return Fact(event.event_id, f"{MAIL_PREFIX}{event.event_type}{suffix}", event.occurred_at, known_at, properties, {})


def of_activity(event: ActivityEvent, known_at: int) -> Fact:
    """The fact that an activity is."""
    name = snake(event.name) if event.activity == TRACK else event.activity
    properties = {"url": event.url, "provider": event.provider, **parsed(event.properties)}
    return Fact(event.event_id, name, event.occurred_at, known_at, properties, parsed(event.traits))


def parsed(text: str) -> dict[str, Any]:
    """The JSON object that a text holds; {} for "" and for what is no object."""
    if not text:
        return {}
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
