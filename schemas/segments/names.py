"""Names of events and of their properties, as rules know them; `streams/core/segments/fact.py` gives them."""

from __future__ import annotations

import re

from schemas.events import EventType

_NO_WORD = re.compile(r"[^a-z0-9]+")
MAIL_PREFIX = "email_"
MACHINE_SUFFIX = "_machine"
MAIL_EVENTS = (
    *(f"{MAIL_PREFIX}{kind}" for kind in EventType),
    *(f"{MAIL_PREFIX}{kind}{MACHINE_SUFFIX}" for kind in (EventType.OPENED, EventType.CLICKED)),
)
"""Names of mail events; with `_machine`, opens and clicks by software."""
MAIL_PROPERTIES = (
    "message_id", "campaign_id", "variant_id", "stream", "tags", "subject", "provider", "mailbox_provider",
    "recipient_domain", "sending_domain", "url", "bounce_reason", "bounce_scope", "bounce_permanence", "complaint_type",
)  # fmt: skip
METADATA = "metadata"  # what a sender put on the mail, an object


def snake(name: str) -> str:
    """`Order Completed` -> `order_completed`."""
    return _NO_WORD.sub("_", name.lower()).strip("_")
