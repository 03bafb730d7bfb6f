"""SMTP2GO's webhooks: one flat event a request, as JSON or as a form, whichever the webhook's settings say.

SMTP2GO signs nothing; the Authorization header entered for the webhook (bearer or basic) proves who posts. An event
names one recipient (`rcpt`), "processed" all of the message (`recipients`): each becomes an event of its own, and
since nobody promises that `id` differs between recipients, theirs are made of both. Headers of the mail that the
webhook asks for stand beside SMTP2GO's own keys, under their names: they are the sender's metadata. A soft bounce is
final like a hard one. What is not known is written "Unavailable".
Sources: "Webhooks Overview", "Setup a Webhook", "Add a new webhook" (SMTP2GO developer documentation); "Hard and soft
bounces" (SMTP2GO support); requests that others have recorded (the shapes of both encodings).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from connectors import bounces
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import add, blanks, complete, pass_over, refuse_body
from connectors.items import Item, lenient
from connectors.signatures import SharedSecret
from connectors.values import decode, form, from_any_time, host_domain, json_object, message_id, text, texts
from schemas.errors import FailureCode
from schemas.events import BounceClass, BounceReason, EmailEvent, EventType

if TYPE_CHECKING:
    from schemas.config import Source

SCHEME = SharedSecret()
TYPES: dict[str, EventType] = {
    "processed": EventType.QUEUED,
    "delivered": EventType.DELIVERED,
    "bounce": EventType.BOUNCED,
    "reject": EventType.REJECTED,
    "open": EventType.OPENED,
    "click": EventType.CLICKED,
    "spam": EventType.COMPLAINED,
    "unsubscribe": EventType.UNSUBSCRIBED,
    "resubscribe": EventType.SUBSCRIBED,
}
_ANSWERS = frozenset({EventType.DELIVERED, EventType.BOUNCED, EventType.REJECTED})  # whose `message` is a reply
_READERS = frozenset({EventType.OPENED, EventType.CLICKED})  # whose `srchost` is the reader's address
_NOT_KNOWN = frozenset({"", "Unavailable", "Headers Unavailable"})
_UNTRIED = ("sender", "verif", "sandbox")  # a rejection that says so is not about the recipient
KNOWN_KEYS = frozenset({
    "event", "time", "sendtime", "sender", "from", "from_address", "from_name", "rcpt", "recipients", "auth", "host",
    "message", "context", "email_id", "id", "message-id", "bounce", "subject", "user-agent", "read-secs", "client",
    "client-device", "client-os", "geoip-continent", "geoip-country", "geoip-city", "srchost", "url", "opened-at",
    "clicked-at",
})  # fmt: skip


class _Event(Item):
    """One event, as far as it is read here. Subject and Message-Id may only be there as headers of the mail."""

    event: str = ""
    id: str = ""
    time: Any = None
    sendtime: Any = None
    email_id: str = ""
    rcpt: str = ""
    recipients: Any = None
    sender: str = ""
    from_: str = msgspec.field(default="", name="from")
    from_address: str = ""
    message_id: str = msgspec.field(default="", name="message-id")
    message_id_header: str = msgspec.field(default="", name="Message-Id")
    subject: str = ""
    subject_header: str = msgspec.field(default="", name="Subject")
    host: str = ""
    message: str = ""
    bounce: str = ""
    url: str = ""
    user_agent: str = msgspec.field(default="", name="user-agent")
    srchost: str = ""


class Smtp2Go:
    """The connector."""

    name = "smtp2go"
    # Which statuses count as failures is not documented; a 500 does, and all failures are tried again alike.
    statuses = StatusPolicy(source="https://developers.smtp2go.com/docs/webhooks-overview")

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """The bearer token or the basic credentials, against every secret of the source."""
        return SCHEME.verify(request, source)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """The one event, once for each recipient it names, if it is about mail."""
        try:
            found = _from_form(request.body) or decode(request.body)
        except ValueError as error:
            return refuse_body(FailureCode.NOT_JSON, f"the body is neither a form nor JSON: {error}", request.body)
        item = lenient(_Event, found)
        if not item.event:
            return refuse_body(FailureCode.WRONG_SHAPE, "expected an object or a form with `event`", request.body)
        result = ParseResult()
        if item.event.startswith("sms_") or item.event == "opt-out":
            pass_over(result, item.event)
            return result
        new, headers = blanks(context, Smtp2Go.name), _headers(found)
        for recipient in _recipients(item):
            event = new()
            _fill(event, item, recipient, headers, context)
            add(result, event)
        return result


def _from_form(body: bytes) -> dict[str, Any]:
    """The form's fields, `recipients` as a list; empty if the body is no form with an event."""
    pairs = [] if body.lstrip().startswith((b"{", b"[")) else form(body)
    found: dict[str, Any] = dict(pairs)
    if not found.get("event"):
        return {}
    if "recipients" in found:
        found["recipients"] = [value for name, value in pairs if name == "recipients"]
    return found


def _recipients(item: _Event) -> list[str]:
    """Those concerned, each once; one unknown recipient where none is named."""
    if item.rcpt:
        return [item.rcpt]
    named = [address.strip() for value in texts(item.recipients) for address in value.split(",")]
    return list(dict.fromkeys(filter(None, named))) or [""]


def _headers(found: dict[str, Any]) -> dict[str, str]:
    """The mail's own headers, as far as the webhook asks for them and the mail has them."""
    own = {name: text(value) for name, value in found.items() if name.lower() not in KNOWN_KEYS}
    return {name: value for name, value in own.items() if value not in _NOT_KNOWN}


def _fill(event: EmailEvent, item: _Event, recipient: str, headers: dict[str, str], context: Context) -> None:
    by_name = {name.lower(): value for name, value in headers.items()}
    event.event_type = event_type = TYPES.get(item.event, EventType.UNKNOWN)
    event.provider_event_type = item.event
    event.provider_event_id = f"{item.id}|{recipient.lower()}" if item.id else ""
    event.occurred_at = from_any_time(item.time)
    event.sent_at = from_any_time(item.sendtime)
    event.recipient = recipient
    event.message_id = item.email_id
    event.smtp_message_id = message_id(_known(item.message_id) or _known(item.message_id_header))
    event.subject = _known(item.subject) or _known(item.subject_header)
    event.campaign_id = by_name.get("x-campaign-id", "")
    event.variant_id = by_name.get("x-variant-id", "")
    event.metadata = json_object(headers)
    event.sending_domain = next(filter(None, map(host_domain, (item.from_address, item.from_, item.sender))), "")
    event.remote_mta = _known(item.host).partition(" [")[0]
    event.url = item.url
    event.user_agent = _known(item.user_agent)
    if event_type in _ANSWERS:
        event.smtp_response = _known(item.message)
    if event_type in _READERS:
        event.client_ip = _known(item.srchost)
    complete(event, context, hint=_hint(item))


def _known(value: str) -> str:
    return "" if value in _NOT_KNOWN else value


def _hint(item: _Event) -> BounceClass | None:
    """How SMTP2GO itself classes a refusal."""
    if item.event == "reject":
        is_ours = any(word in item.message.lower() for word in _UNTRIED)
        reason = BounceReason.POLICY if is_ours else BounceReason.SUPPRESSED
        return bounces.of(reason, 5, confidence=1.0, rule="smtp2go:reject")
    if item.bounce == "hard":
        return bounces.of(BounceReason.INVALID_RECIPIENT, 5, confidence=0.6, rule="smtp2go:hard")
    if item.bounce == "soft":
        return bounces.of(BounceReason.UNKNOWN, 4, confidence=0.6, rule="smtp2go:soft")
    return None
