"""Amazon SES by three ways: SNS subscriptions, EventBridge API destinations, Firehose HTTP endpoints.

The same SES event is inside each (`connectors.ses_events`). What a source is configured with decides how
it is verified: with `topic_arns` by SNS's signature (`connectors.sns`), with `secrets` by the key that the
Firehose stream or the EventBridge connection sends along; AWS signs nothing there. Firehose takes an answer
only with its request id in it.
Sources: Amazon SES Developer Guide; "API destinations", Amazon EventBridge User Guide; "HTTP endpoint
delivery request and response specifications", Amazon Data Firehose Developer Guide.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

from connectors import firehose, sns
from connectors.base import Certificates, Context, Failure, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import refuse_body, refuse_item
from connectors.items import Item, ItemReader, lenient
from connectors.parts import Header
from connectors.ses_events import EVENTS, PROVIDER, SesEvent, add_events, is_event
from connectors.signatures import SharedSecret, Token
from connectors.values import mapping, text
from schemas.errors import FailureCode

if TYPE_CHECKING:
    from schemas.config import Source

FIREHOSE = Token(Header(firehose.ACCESS_KEY))
EVENT_BRIDGE = SharedSecret()
_HANDSHAKES = frozenset({sns.SUBSCRIPTION_CONFIRMATION, sns.UNSUBSCRIBE_CONFIRMATION})
_NO_EVENT = "no SES event inside: neither eventType nor notificationType nor mail"


class _Envelope(Item):
    """What may be around an event of SES: the keys of an SNS message, of an EventBridge event, of a Firehose batch."""

    type: Any = msgspec.field(default=None, name="Type")
    message: Any = msgspec.field(default=UNSET, name="Message")
    source: Any = None
    detail_type: Any = msgspec.field(default=None, name="detail-type")
    detail: Any = None
    time: Any = None
    request_id: Any = msgspec.field(default=UNSET, name="requestId")
    records: Any = None


_ENVELOPES = ItemReader(_Envelope)


class Ses:
    """The connector."""

    name = PROVIDER
    # SNS gives up at once on a 4xx other than 429, EventBridge on one other than 401, 407, 409 and 429, Firehose
    # never but on 413; so 429 and 503 make all three try again.
    statuses = StatusPolicy(
        slow_body=503,
        source="https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html",
    )

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """SNS: signature, topic allow-list, subscription handshake. Else the secret that is sent along."""
        is_firehose = firehose.REQUEST_ID in request.headers
        if source.topic_arns or not source.secrets:
            verdict = sns.verify(request, source, certificates)
        else:
            verdict = (FIREHOSE if is_firehose else EVENT_BRIDGE).verify(request, source)
        return replace(verdict, reply=firehose.reply(request)) if is_firehose else verdict

    def parse(self, request: Request, context: Context) -> ParseResult:
        """One event per recipient concerned. Subscription handshakes hold no events."""
        result = ParseResult()
        try:
            outer = _ENVELOPES.read(request.body)
            if outer.request_id is not UNSET and type(outer.records) is list:
                for document in firehose.documents(outer.records):
                    _add_document(result, document, context)
                return result
            data = _unwrap(outer, request.body)
        except ValueError as error:
            return refuse_body(FailureCode.NOT_JSON, f"no JSON, or an SNS message without any: {error}", request.body)
        if data is not None:
            if not is_event(data):
                return refuse_body(FailureCode.WRONG_SHAPE, _NO_EVENT, request.body)
            add_events(result, data, context)
        return result


def _unwrap(outer: _Envelope, body: bytes) -> SesEvent | None:
    """The SES event inside an SNS message, an EventBridge event or nothing; None where none is meant.

    `body` is what `outer` was read from. Raises ValueError when an SNS message holds no JSON.
    """
    if text(outer.type) in _HANDSHAKES:
        return None
    if outer.message is not UNSET:
        inner = text(outer.message)
        # SES greets a newly configured topic in prose.
        return None if inner.startswith("Successfully validated SNS topic") else EVENTS.read(inner.encode())
    detail = lenient(SesEvent, outer.detail)
    if outer.source == "aws.ses" and not is_event(detail):  # about the account, not about a mail
        about = {"timestamp": outer.time}
        return lenient(SesEvent, {"eventType": outer.detail_type, "detail": about})
    return detail if mapping(outer.detail) else EVENTS.read(body)


def _add_document(result: ParseResult, document: bytes | firehose.Unreadable, context: Context) -> None:
    """What one document of a Firehose record gives: events, nothing, or a failure under the next free place."""
    place = len(result.events) + len(result.failures)
    if isinstance(document, firehose.Unreadable):
        refuse_item(result, place, document.item, document.reason)
        return
    data, reason = None, _NO_EVENT
    try:
        data = _unwrap(_ENVELOPES.read(document), document)
        if data is None:
            return
    except ValueError as error:
        reason = f"no JSON: {error}"
    if data is not None and is_event(data):
        add_events(result, data, context)
    else:
        failure = Failure(code=FailureCode.ITEM_UNREADABLE, reason=reason, item=document, index=place)
        result.failures.append(failure)
