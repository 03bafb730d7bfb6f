"""CloudEvents 1.0 over HTTP: structured, batched and binary content mode.

Structured: one JSON object with attributes and `data`; batched: an array of them; binary: attributes in `ce-`
headers, percent-encoded, the body is the data. The specification signs nothing: its rules for webhooks send a
token, in the Authorization header or as `access_token` in the URL. `source` and `id` together name an event.
Types are kept, but known names of activities are recognised behind a reversed domain
(com.example.order.completed). A `subject` that is an address is the recipient where the data holds none.
Sources: CloudEvents 1.0.2, "HTTP Protocol Binding", "JSON Event Format", "HTTP 1.1 Web Hooks for Event Delivery".
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from connectors.activities import email_of, fill_freely
from connectors.activity_items import ActivityItems
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import add, blank_activities, complete_activity, refuse_body
from connectors.items import Item
from connectors.parts import Query
from connectors.signatures import SharedSecret, Token
from connectors.values import decode, from_rfc3339
from schemas.errors import FailureCode
from schemas.events import ActivityEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.config import Source

HEADER, QUERY = SharedSecret(), Token(Query("access_token"))
_PREFIX = "ce-"
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


class _Event(Item):
    id: str = ""
    source: str = ""
    type: str = ""
    subject: str = ""
    time: str = ""
    data: Any = None
    data_base64: str = ""


_ATTRIBUTES = ("id", "source", "type", "subject", "time", "data_base64")
_EVENTS = ActivityItems(_Event)


class CloudEvents:
    """The connector."""

    name = "cloudevents"
    # Senders shall come back after 429 and 503 only; 410 ends the delivery for good, 415 is final.
    statuses = StatusPolicy(
        slow_body=503, source="https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md"
    )

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """The token, in the Authorization header or in the URL."""
        return (HEADER if "authorization" in request.headers else QUERY).verify(request, source)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """One activity per event."""
        kind = request.headers.get("content-type", "").lower()
        if "ce-type" in request.headers and not kind.startswith("application/cloudevents"):
            return _binary(request, context, kind)
        return _EVENTS.parse(request, context, CloudEvents.name, _fill)


def _binary(request: Request, context: Context, kind: str) -> ParseResult:
    """The one event whose data the body is."""
    data: Any = None
    if "json" in kind or not kind:
        try:
            data = decode(request.body) if request.body.strip() else None
        except ValueError as error:
            return refuse_body(FailureCode.NOT_JSON, f"the event's data is no JSON: {error}", request.body)
    else:
        data = _text(request.body)
    item = _Event(data=data, **{name: _attribute(request.headers, name) for name in _ATTRIBUTES})
    event, result = blank_activities(context, CloudEvents.name)(), ParseResult()
    _fill(event, item, request, context)
    add(result, event)
    return result


def _attribute(headers: Mapping[str, str], name: str) -> str:
    """An attribute from its header: quoted strings of older senders opened, then percent-decoded once."""
    value = headers.get(_PREFIX + name, "").strip()
    if value.startswith('"') and (match := _QUOTED.fullmatch(value)):
        value = re.sub(r"\\(.)", r"\1", match[1])
    return unquote(value) if "%" in value else value


def _text(body: bytes) -> str:
    """Data that is no JSON: text as it is, bytes as base64."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return base64.b64encode(body).decode()


def _fill(event: ActivityEvent, item: _Event, request: Request, context: Context) -> None:  # noqa: ARG001 - see Fill
    fill_freely(event, item.type, item.data or item.data_base64, {"origin": item.source, "object_id": item.subject})
    event.recipient = event.recipient or email_of(item.subject.removeprefix("mailto:"))
    event.occurred_at = from_rfc3339(item.time)
    if item.id:
        event.provider_event_id = f"{item.source} {item.id}"
    complete_activity(event, context)
