"""Segment's calls: its HTTP Tracking API (which RudderStack speaks too), and its Webhooks destination.

Calls are track, identify, page, screen, group and alias, alone, in an array, or under `batch`. The kind of a call
is its `type`, else the last part of the address (`/v1/track`), else what its fields say.
Libraries and servers send a write key as the user of Basic credentials, browsers as `writeKey` in the body. The
Webhooks destination signs instead: X-Signature is the hex HMAC-SHA1 of the body under a shared secret.
`timestamp` is when it happened; where only the device's own time is given (`originalTimestamp`), Segment's rule
corrects its clock: receivedAt - (sentAt - originalTimestamp).
Sources: "HTTP API Source", "Spec: Common Fields", "Webhooks (Actions) Destination" (Segment); "HTTP API" (RudderStack).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, UnsetType

from connectors import activities
from connectors.activities import canonical_name, document, email_of, entitle, in_vocabulary
from connectors.activity_items import ActivityItems
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import complete_activity
from connectors.items import Item
from connectors.parts import BasicUser, Body, Field, Header
from connectors.signatures import Hmac, Token
from connectors.values import from_rfc3339, mapping, text
from schemas.events import ActivityEvent

if TYPE_CHECKING:
    from schemas.config import Source

SIGNED = Hmac(signature=Header("x-signature"), signed=(Body(),), algorithm="sha1")
WRITE_KEY = Token(BasicUser())
WRITE_KEY_IN_BODY = Token(Field(("writeKey",)))
# Calls, also as browsers shorten them in the address.
TYPES: dict[str, str] = {
    "track": "", "t": "",  # named by `event`
    "identify": "Identify", "i": "Identify",
    "page": "Page Viewed", "p": "Page Viewed",
    "screen": "Screen Viewed", "s": "Screen Viewed",
    "group": "Group", "g": "Group",
    "alias": "Alias", "a": "Alias",
}  # fmt: skip


class _Page(Item):
    url: Any = None


class _Context(Item):
    ip: Any = None
    user_agent: Any = msgspec.field(default=None, name="userAgent")
    page: _Page | None = None
    traits: Any = None


class _Call(Item, rename="camel"):
    type: Any = None
    event: Any = None
    message_id: Any = None
    anonymous_id: Any = None
    user_id: Any = None
    group_id: Any = None
    previous_id: Any = None
    name: Any = None
    category: Any = None
    properties: Any = None
    traits: Any = None
    context: _Context | UnsetType | None = UNSET
    timestamp: Any = None
    original_timestamp: Any = None
    sent_at: Any = UNSET
    received_at: Any = UNSET


class _Calls(_Call):
    """A call, or several that share its context and the time of sending."""

    batch: list[_Call] | None = None


_NOWHERE = _Context()
_SHARED = ("context", "sent_at", "received_at")


def _unfold(call: _Calls) -> Iterable[Any]:
    if call.batch is None:
        return (call,)
    for name in _SHARED:
        shared = getattr(call, name)
        for each in call.batch:
            if isinstance(each, _Call) and getattr(each, name) is UNSET:
                setattr(each, name, shared)
    return call.batch


_CALLS = ActivityItems(_Calls, _unfold)


class Segment:
    """The connector."""

    name = "segment"
    # Libraries give up at any 4xx but 429; the Webhooks destination tries 429 and 5xx again.
    statuses = StatusPolicy(
        slow_body=503,
        source="https://www.twilio.com/docs/segment/connections/sources/catalog/libraries/server/http-api",
    )

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """The signature if there is one, else the write key."""
        if "x-signature" in request.headers:
            return SIGNED.verify(request, source)
        return (WRITE_KEY if "authorization" in request.headers else WRITE_KEY_IN_BODY).verify(request, source)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """One activity per call."""
        return _CALLS.parse(request, context, Segment.name, _fill)


def _fill(event: ActivityEvent, call: _Call, request: Request, context: Context) -> None:
    around, traits, own = call.context or _NOWHERE, mapping(call.traits), mapping(call.properties)
    user = text(call.user_id)
    kind = _kind(call, request.url)
    word = "" if kind else text(call.event) or text(call.type)
    begun = entitle(event, TYPES[kind] if kind else canonical_name[word], word)
    said_of_person = mapping(around.traits)
    known = {} if event.activity == activities.GROUP else traits
    known = known or said_of_person
    event.occurred_at = from_rfc3339(text(call.timestamp)) or _corrected(call)
    event.provider_event_id = text(call.message_id)
    event.anonymous_id = text(call.anonymous_id)
    event.recipient = email_of(known.get("email"), own.get("email"), said_of_person.get("email"), user)
    event.url = text(own.get("url")) or (text(around.page.url) if around.page else "")
    event.user_agent = text(around.user_agent)
    event.client_ip = text(around.ip)
    event.properties = document(begun, in_vocabulary(own), _said(event.activity, call, user, traits))
    event.traits = document(known)
    complete_activity(event, context)


def _kind(call: _Call, url: str) -> str:
    """The kind of call; "track" as "" because it has a name of its own."""
    word = text(call.type).lower()
    if word not in TYPES:
        word = url.partition("?")[0].rpartition("/")[2]
    if word in TYPES:
        return word if TYPES[word] else ""
    if text(call.type) or text(call.event):
        return ""
    return next((kind for kind, told in _told(call).items() if told), "")


def _told(call: _Call) -> Mapping[str, Any]:
    """What the fields say of a call that does not name its kind."""
    return {
        "group": text(call.group_id),
        "alias": text(call.previous_id),
        "identify": call.traits,
        "page": text(call.name) or call.properties,
    }


def _said(activity: str, call: _Call, user: str, traits: Mapping[str, Any]) -> dict[str, Any]:
    """What a call says beside its properties. Traits of a group are not the person's."""
    said: dict[str, Any] = {"user_id": user} if user else {}
    if call.group_id is not None or call.previous_id is not None:
        said["group_id"], said["previous_id"] = text(call.group_id), text(call.previous_id)
    if activity == activities.GROUP:
        said["group_traits"] = traits
    elif activity in (activities.PAGE, activities.SCREEN):
        said["page_name"], said["page_category"] = text(call.name), text(call.category)
    return said


def _corrected(call: _Call) -> int:
    """When it happened by a device's clock, as far as that is known to be wrong without its error."""
    original, sent = from_rfc3339(text(call.original_timestamp)), from_rfc3339(text(call.sent_at))
    received = from_rfc3339(text(call.received_at))
    return received - (sent - original) if original and sent and received else original or sent
