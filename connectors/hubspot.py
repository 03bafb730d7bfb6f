"""HubSpot's webhooks: batches of up to 100 changes of CRM objects, signed by the app's client secret.

Signature v3: X-HubSpot-Signature-v3 is base64 HMAC-SHA256 of method, URL, body and X-HubSpot-Request-Timestamp
(milliseconds). Requests without it are checked by the older X-HubSpot-Signature, hex SHA-256 of the secret and the body
(v1) or of the secret, method, URL and body (v2); these know no time, so an old request can be sent again, and becomes
the same events. The URL is the one HubSpot posts to: behind a proxy `public_url` must be set.
HubSpot does not promise that `eventId` is unique, so our id is a hash of what happened. Changes name an object by its
id; an address is known only where the contact's e-mail itself was changed.
Sources: "Validating requests from HubSpot", "Webhooks API", "Webhooks" in app projects (HubSpot developers).
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any

from connectors.activities import IDENTIFY, document, email_of, entitle
from connectors.activity_items import ActivityItems
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import complete_activity
from connectors.items import Item
from connectors.parts import Body, Fixed, Header, Url
from connectors.signatures import Hmac, accept
from connectors.values import first_text, from_seconds, text, texts
from schemas.events import ActivityEvent

if TYPE_CHECKING:
    from schemas.config import Source

_METHOD = b"POST"
SIGNED_TIME = Header("x-hubspot-request-timestamp")
V3 = Hmac(
    signature=Header("x-hubspot-signature-v3"),
    signed=(Fixed(_METHOD), Url(), Body(), SIGNED_TIME),
    encoding="base64",
    timestamp=SIGNED_TIME,
)
OLDER = Header("x-hubspot-signature")
# Kinds of objects by word, and by the id that app projects send instead.
OBJECTS: dict[str, str] = {
    "contact": "Contact", "0-1": "Contact",
    "company": "Company", "0-2": "Company",
    "deal": "Deal", "0-3": "Deal",
    "ticket": "Ticket", "0-5": "Ticket",
    "product": "Product", "0-7": "Product",
    "line_item": "Line Item", "0-8": "Line Item",
    "conversation": "Conversation", "0-11": "Conversation",
}  # fmt: skip
CHANGES: dict[str, str] = {
    "creation": "Created",
    "deletion": "Deleted",
    "restore": "Restored",
    "merge": "Merged",
    "propertyChange": "Updated",
    "associationChange": "Association Changed",
    "newMessage": "Message Received",
}
NAMES: dict[str, str] = {  # where the two tables do not make the name
    "contact.propertyChange": "Identify",
    "contact.privacyDeletion": "Personal Data Erasure Requested",
    "conversation.privacyDeletion": "Personal Data Erasure Requested",
}
_GENERAL = "object"


class _Change(Item, rename="camel"):
    subscription_type: str = ""
    event_type: str = ""
    event_id: Any = None
    portal_id: Any = None
    object_id: Any = None
    object_type_id: Any = None
    occurred_at: Any = None
    property_name: str = ""
    property_value: Any = None
    change_source: str = ""
    primary_object_id: Any = None
    new_object_id: Any = None
    merged_object_ids: Any = None
    from_object_id: Any = None
    to_object_id: Any = None
    association_type: str = ""
    association_removed: Any = None
    message_id: Any = None


_CHANGES = ActivityItems(_Change)


class HubSpot:
    """The connector."""

    name = "hubspot"
    # Ten more attempts within a day after any 4xx or 5xx; but for webhooks of workflows 4xx other than 429 is final.
    statuses = StatusPolicy(slow_body=503, source="https://developers.hubspot.com/docs/api/webhooks#retries")

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """Signature v3, or an older one where it is missing."""
        if OLDER.read(request) and not V3.signature.read(request):
            return accept(request, source, present=lambda _: "", matches=_matches_older, timestamp=None)
        return V3.verify(request, source)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """One activity per change."""
        return _CHANGES.parse(request, context, HubSpot.name, _fill)


def _matches_older(request: Request, secret: str) -> bool:
    is_v2 = request.headers.get("x-hubspot-signature-version", "v1").strip().lower() == "v2"
    told = _METHOD + Url().read(request) if is_v2 else b""
    expected = hashlib.sha256(secret.encode() + told + request.body).hexdigest()
    return hmac.compare_digest(OLDER.read(request), expected.encode())


def _fill(event: ActivityEvent, item: _Change, request: Request, context: Context) -> None:  # noqa: ARG001 - see Fill
    word = item.subscription_type or item.event_type
    kind, _, change = word.partition(".")
    if kind == _GENERAL:
        kind = text(item.object_type_id) or kind
    thing = OBJECTS.get(kind, "")
    begun = entitle(event, _name(thing, change) or word, word)
    is_person = thing == "Contact"
    event.occurred_at = from_seconds(item.occurred_at)
    if is_person and item.property_name == "email":
        event.recipient = email_of(item.property_value)
    event.properties = document(begun, _said(item, thing.lower().replace(" ", "_") or kind, is_person=is_person))
    if event.activity == IDENTIFY and item.property_name:
        event.traits = document({item.property_name: item.property_value})
    complete_activity(event, context, text(item.event_id))


def _name(thing: str, change: str) -> str:
    if not thing:
        return ""
    done = CHANGES.get(change)
    return NAMES.get(f"{thing.lower()}.{change}") or (f"{thing} {done}" if done else "")


def _said(item: _Change, kind: str, *, is_person: bool) -> dict[str, Any]:
    number = first_text(item.object_id, item.new_object_id, item.primary_object_id, item.from_object_id)
    merged = [text(item.primary_object_id), *texts(item.merged_object_ids)]
    return {
        "origin": text(item.portal_id),
        "object_type": kind,
        "object_id": number,
        "user_id": number if is_person else "",
        "property_name": item.property_name,
        "property_value": item.property_value,
        "reason": item.change_source,
        "merged_ids": [other for other in merged if other not in {"", number}],
        "related_id": text(item.to_object_id),
        "association": item.association_type,
        "association_removed": item.association_removed,
        "message_id": text(item.message_id),
    }
