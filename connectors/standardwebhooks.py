"""Standard Webhooks: any service that follows the specification, and Svix under its older header names.

Signature: `webhook-signature` is `v1,` and the base64 HMAC-SHA256 of `webhook-id.webhook-timestamp.body`, several
of them during a rotation; the secret is base64 after `whsec_`. The body is an object with `type`, `timestamp` and
`data`; what it means is the sender's affair, so an activity keeps the name it came with. `webhook-id` is the same
for every attempt, so it is the event's id.
Source: "Standard Webhooks" 1.0.0 (github.com/standard-webhooks/standard-webhooks, `spec`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connectors.activities import fill_freely
from connectors.activity_items import ActivityItems
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import complete_activity
from connectors.items import Item
from connectors.signatures import standard_webhooks
from connectors.values import first_text, from_any_time
from schemas.events import ActivityEvent

if TYPE_CHECKING:
    from schemas.config import Source

SCHEME, SVIX = standard_webhooks(), standard_webhooks("svix")


class _Message(Item):
    type: Any = None
    event_type: Any = None
    event: Any = None
    timestamp: Any = None
    created_at: Any = None
    data: Any = None


_MESSAGES = ActivityItems(_Message)


class StandardWebhooks:
    """The connector."""

    name = "standardwebhooks"
    # 410 switches an endpoint off, everything else but 2xx is tried again for days; so nothing here answers 410.
    statuses = StatusPolicy(
        source="https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md"
    )

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """HMAC over id, timestamp and body."""
        return (SVIX if "svix-signature" in request.headers else SCHEME).verify(request, source)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """One activity per message."""
        return _MESSAGES.parse(request, context, StandardWebhooks.name, _fill)


def _fill(event: ActivityEvent, message: _Message, request: Request, context: Context) -> None:
    fill_freely(event, first_text(message.type, message.event_type, message.event), message.data)
    event.occurred_at = from_any_time(message.timestamp) or from_any_time(message.created_at)
    event.provider_event_id = request.headers.get(_signed_id(request), "")
    complete_activity(event, context)


def _signed_id(request: Request) -> str:
    """The header with the id that was signed; the one of the other family anybody may have added."""
    family = next((name for name in ("svix", "webhook") if f"{name}-signature" in request.headers), "")
    if not family:  # a source that is unsigned
        family = "webhook" if "webhook-id" in request.headers else "svix"
    return f"{family}-id"
