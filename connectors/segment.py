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

from connectors import activities
from connectors.activities import canonical_name, document, email_of, entitle, in_vocabulary
from connectors.activity_items import ActivityItems
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import complete_activity
from connectors.items import Item
from connectors.parts import BasicUser, Body, Field, Header
from connectors.signatures import Hmac, Token
from connectors.values import first_text, from_rfc3339, mapping, sequence, text
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


class _Call(Item, rename="camel"):
    type: str = ""
    event: str = ""
    message_id: str = ""
    anonymous_id: str = ""
    user_id: str = ""
    group_id: str = ""
    previous_id: str = ""
    name: str = ""
    category: str = ""
    properties: Any = None
    traits: Any = None
    context: Any = None
    timestamp: str = ""
    original_timestamp: str = ""
    sent_at: str = ""
    received_at: str = ""
    batch: Any = None  # calls that share this one's context and time of sending


def _unfold(call: _Call) -> Iterable[Any]:
    if call.batch is None:
        return (call,)
    shared = {"context": call.context, "sentAt": call.sent_at, "receivedAt": call.received_at}
    return [{**shared, **item} if type(item) is dict else item for item in sequence(call.batch)]


_CALLS = ActivityItems(_Call, _unfold)


class Segment:
    """The connector."""

    name = "segment"
    # Libraries give up at any 4xx but 429; the Webhooks destination tries 429 and 5xx again.
    statuses = StatusPolicy(
        slow_body=503,
        source="https://www.twilio.com/docs/segment/connections/sources/catalog/libraries/server/http-api",
    )

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:  # noqa: ARG002
        """The signature if there is one, else the write key."""
        if "x-signature" in request.headers:
            return SIGNED.verify(request, source)
        return (WRITE_KEY if "authorization" in request.headers else WRITE_KEY_IN_BODY).verify(request, source)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """One activity per call."""
        return _CALLS.parse(request, context, Segment.name, _fill)


def _fill(event: ActivityEvent, call: _Call, request: Request, context: Context) -> None:
    around, traits, own = mapping(call.context), mapping(call.traits), mapping(call.properties)
    kind = _kind(call, request.url)
    word = "" if kind else call.event or call.type
    begun = entitle(event, TYPES[kind] if kind else canonical_name[word], word)
    known = {} if event.activity == activities.GROUP else traits
    known = known or mapping(around.get("traits"))
    event.occurred_at = _occurred_at(call)
    event.provider_event_id = call.message_id
    event.anonymous_id = call.anonymous_id
    event.recipient = email_of(
        known.get("email"), own.get("email"), mapping(around.get("traits")).get("email"), call.user_id
    )
    event.url = first_text(own.get("url"), mapping(around.get("page")).get("url"))
    event.user_agent = text(around.get("userAgent"))
    event.client_ip = text(around.get("ip"))
    event.properties = document(begun, in_vocabulary(own), _said(event.activity, call, traits))
    event.traits = document(known)
    complete_activity(event, context)


def _kind(call: _Call, url: str) -> str:
    """The kind of call; "track" as "" because it has a name of its own."""
    for word in (call.type.lower(), url.partition("?")[0].rpartition("/")[2]):
        if word in TYPES:
            return word if TYPES[word] else ""
    if call.type or call.event:
        return ""
    return next((kind for kind, told in _told(call).items() if told), "")


def _told(call: _Call) -> Mapping[str, Any]:
    """What the fields say of a call that does not name its kind."""
    return {
        "group": call.group_id,
        "alias": call.previous_id,
        "identify": call.traits,
        "page": call.name or call.properties,
    }


def _said(activity: str, call: _Call, traits: Mapping[str, Any]) -> dict[str, Any]:
    """What a call says beside its properties. Traits of a group are not the person's."""
    said = {"user_id": call.user_id, "group_id": call.group_id, "previous_id": call.previous_id}
    if activity == activities.GROUP:
        return {**said, "group_traits": traits}
    if activity in {activities.PAGE, activities.SCREEN}:
        return {**said, "page_name": call.name, "page_category": call.category}
    return said


def _occurred_at(call: _Call) -> int:
    if at := from_rfc3339(call.timestamp):
        return at
    original, sent, received = map(from_rfc3339, (call.original_timestamp, call.sent_at, call.received_at))
    if original and sent and received:
        return received - (sent - original)
    return original or sent
