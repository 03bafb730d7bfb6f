"""Postfix's log: the delivery agents' lines, joined by queue id with sender, Message-ID and logged headers.

One event per recipient and attempt (`to=<...>, ... status=...`), and one per recipient still waiting when the
queue manager gives a message up (`status=expired`). All other lines are passed over; a line that is no syslog line
is a failure. Lines must be posted in their order. A queue id is the message's id; as short ones come back after
a while, ids of events hold the time too. Nothing is signed: a source's secrets are bearer tokens or `user:password`.
Sources: Postfix's manual pages smtp(8), qmgr(8), cleanup(8), header_checks(5), postconf(5); RFC 3463 for `dsn=`.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.errors import MessageError
from email.header import decode_header, make_header
from typing import TYPE_CHECKING

from connectors import bounces, postfix_lines
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import REFUSALS, add, blanks, complete, refuse_item
from connectors.postfix_lines import Delivery, PostfixLine
from connectors.signatures import SharedSecret
from connectors.syslog import ZONE_HEADER, syslog_line, time_of
from connectors.values import first_text, host_domain, json_object, whole
from schemas.events import BounceClass, BounceReason, EmailEvent, EventType

if TYPE_CHECKING:
    from schemas.config import Source

SCHEME = SharedSecret()
_MOST_MESSAGES = 50_000  # of one body; a body of 20 MB has no more lines than four times that
_MOST_WAITING = 1_000  # recipients of one message that are remembered for its expiry
_LONGEST_SUBJECT = 2_000
TYPES: dict[str, EventType] = {
    "sent": EventType.DELIVERED,
    "deferred": EventType.DEFERRED,
    "SOFTBOUNCE": EventType.DEFERRED,
    "bounced": EventType.BOUNCED,
    "expired": EventType.BOUNCED,
    "force-expired": EventType.BOUNCED,
    # deliverable, undeliverable: probes of an address, no mail
}
_ENDS = frozenset({"expired", "force-expired"})
_SAID = re.compile(r"host (?P<host>[^\s\[]+)\[(?P<ip>[^\]]*)\](?::\d+)? (?:said|refused to talk to me): ", re.DOTALL)
_IN_REPLY = re.compile(r" \(in reply to [^()]{1,80}\)$")
_POOL = re.compile(r"^postfix(?:[-/]|$)")


@dataclass(slots=True)
class _Message:
    """What has been said of one message so far. `waiting`: its deferred recipients with the last reply."""

    sender: str = ""
    message_id: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, Delivery] = field(default_factory=dict)


class Postfix:
    """The connector."""

    name = "postfix"
    # Whatever posts the lines decides what it tries again; `mailweir follow` does until it succeeds.
    statuses = StatusPolicy(source="https://www.postfix.org/postconf.5.html#maillog_file")

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """Bearer token or Basic credentials, against every secret of the source."""
        return SCHEME.verify(request, source)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """The events of the lines, without those that were sent along only to explain others."""
        result, new = ParseResult(), blanks(context, Postfix.name)
        messages: OrderedDict[str, _Message] = OrderedDict()
        explaining = whole(request.headers.get(postfix_lines.CONTEXT_HEADER, "0"))
        zone = request.headers.get(ZONE_HEADER, "").strip()
        for index, written in enumerate(_lines(request.body)):
            line = postfix_lines.postfix_line(written)
            if line is None:
                if syslog_line(written) is None:
                    refuse_item(result, index, written, f"line {index + 1} is no syslog line")
                continue
            message = _known(messages, line.queue_id)
            for outcome in _take(message, line.text):
                if index >= explaining:
                    event = new()
                    event.occurred_at = time_of(line.time, zone, context.received_at)
                    hint = _fill(event, line, message, outcome)
                    complete(event, context, hint=hint if event.event_type in REFUSALS else None)
                    add(result, event)
            if postfix_lines.is_end(line.text):
                messages.pop(line.queue_id, None)
            elif line.text.startswith("to=<") and postfix_lines.delivery(line.text) is None:
                refuse_item(result, index, written, f"line {index + 1} names a recipient, but not what became of it")
        return result


def _lines(body: bytes) -> Iterator[str]:
    """Lines that are not blank; only a line feed ends one."""
    for line in body.decode("utf-8", "replace").split("\n"):
        if line.strip():
            yield line.rstrip("\r")


def _known(messages: OrderedDict[str, _Message], queue_id: str) -> _Message:
    message = messages.get(queue_id)
    if message is None:
        message = messages[queue_id] = _Message()
        if len(messages) > _MOST_MESSAGES:
            messages.popitem(last=False)
    return message


def _take(message: _Message, text: str) -> list[Delivery]:
    """Note what the line says of its message; what became of its recipients by it."""
    if outcome := postfix_lines.delivery(text):
        if outcome.status == "deferred" and len(message.waiting) < _MOST_WAITING:
            message.waiting[outcome.recipient] = outcome
        elif outcome.status != "deferred":
            message.waiting.pop(outcome.recipient, None)
        return [outcome]
    if said := postfix_lines.sender(text):
        message.sender, end = said
        if end not in _ENDS:
            return []
        given_up = [outcome._replace(status=end, delay_s=0.0) for outcome in message.waiting.values()]
        message.waiting = {}
        return given_up or [Delivery("", "", 0.0, "", end, "")]
    if found := postfix_lines.message_id(text):
        message.message_id = found
    elif header := postfix_lines.header(text):
        message.headers[header[0]] = header[1]
    return []


def _fill(event: EmailEvent, line: PostfixLine, message: _Message, outcome: Delivery) -> BounceClass | None:
    headers, status = message.headers, outcome.status
    event.event_type = TYPES.get(status, EventType.UNKNOWN)
    event.provider_event_type = status
    event.recipient = outcome.recipient
    event.message_id = line.queue_id
    event.smtp_message_id = message.message_id
    event.campaign_id = first_text(headers.get("x-campaign-id"), headers.get("x-campaign"), headers.get("x-job"))
    event.variant_id = headers.get("x-variant-id", "")
    event.subject = _decoded(headers.get("subject", ""))
    event.metadata = json_object({name: value for name, value in headers.items() if name not in ("subject", "from")})
    event.ip_pool = _POOL.sub("", line.name) if line.service != "qmgr" else ""
    event.sending_domain = host_domain(headers.get("from")) or host_domain(message.sender)
    event.enhanced_status = bounces.codes_in(outcome.dsn)[1]
    said = _SAID.match(outcome.reply)
    event.smtp_response = _IN_REPLY.sub("", outcome.reply[said.end() :]) if said else outcome.reply
    event.remote_mta = said["host"] if said else _host(outcome.relay)
    if outcome.delay_s and event.occurred_at:
        event.sent_at = max(0, event.occurred_at - round(outcome.delay_s * 1000))
    if status in _ENDS:
        return bounces.of(BounceReason.EXPIRED, 5, confidence=1.0, rule=f"postfix:{status}")
    if line.service == "discard":  # "sent" to nowhere, because a table says so
        event.event_type = EventType.REJECTED
        return bounces.of(BounceReason.POLICY, 5, confidence=1.0, rule="postfix:discard")
    return None


def _host(relay: str) -> str:
    """The server's name in "mx.example.com[192.0.2.1]:25"; none for local deliveries and where none was reached."""
    name, found, _ = relay.partition("[")
    return name if found else ""


def _decoded(subject: str) -> str:
    """The subject's text (RFC 2047), as written if it cannot be decoded."""
    if "=?" not in subject or len(subject) > _LONGEST_SUBJECT:
        return subject
    try:
        return str(make_header(decode_header(subject)))
    except (MessageError, LookupError, ValueError):  # UnicodeDecodeError is a ValueError
        return subject
