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

from connectors import firehose, sns
from connectors.base import Certificates, Context, Failure, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import refuse_body, refuse_item
from connectors.parts import Header
from connectors.ses_events import MARKS, PROVIDER, add_events
from connectors.signatures import SharedSecret, Token
from connectors.values import decode, mapping, text
from schemas.errors import FailureCode

if TYPE_CHECKING:
    from schemas.config import Source

FIREHOSE = Token(Header(firehose.ACCESS_KEY))
EVENT_BRIDGE = SharedSecret()
_HANDSHAKES = frozenset({sns.SUBSCRIPTION_CONFIRMATION, sns.UNSUBSCRIBE_CONFIRMATION})
_NO_EVENT = "no SES event inside: neither eventType nor notificationType nor mail"


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
        try:
            outer = mapping(decode(request.body))
            data = _unwrap(outer)
        except ValueError as error:
            return refuse_body(FailureCode.NOT_JSON, f"no JSON, or an SNS message without any: {error}", request.body)
        result = ParseResult()
        if firehose.is_batch(outer):
            for document in firehose.documents(outer["records"]):
                _add_document(result, document, context)
        elif data is not None:
            if not MARKS & data.keys():
                return refuse_body(FailureCode.WRONG_SHAPE, _NO_EVENT, request.body)
            add_events(result, data, context)
        return result


def _unwrap(message: dict[str, Any]) -> dict[str, Any] | None:
    """The SES event inside an SNS message, an EventBridge event or nothing; None where none is meant.

    Raises ValueError when an SNS message holds no JSON.
    """
    if text(message.get("Type")) in _HANDSHAKES:
        return None
    if "Message" in message:
        inner = text(message["Message"])
        # SES greets a newly configured topic in prose.
        return None if inner.startswith("Successfully validated SNS topic") else mapping(decode(inner.encode()))
    detail = mapping(message.get("detail"))
    if message.get("source") == "aws.ses" and not MARKS & detail.keys():  # about the account, not about a mail
        return {"eventType": message.get("detail-type"), "detail": {"timestamp": message.get("time")}}
    return detail or message


def _add_document(result: ParseResult, document: bytes | firehose.Unreadable, context: Context) -> None:
    """What one document of a Firehose record gives: events, nothing, or a failure under the next free place."""
    place = len(result.events) + len(result.failures)
    if isinstance(document, firehose.Unreadable):
        refuse_item(result, place, document.item, document.reason)
        return
    try:
        data = _unwrap(mapping(decode(document)))
        reason = _NO_EVENT
    except ValueError as error:
        data, reason = {}, f"no JSON: {error}"
    if data is None:
        return
    if MARKS & data.keys():
        add_events(result, data, context)
    else:
        failure = Failure(code=FailureCode.ITEM_UNREADABLE, reason=reason, item=document, index=place)
        result.failures.append(failure)
