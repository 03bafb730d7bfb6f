"""PowerMTA's accounting records: CSV whose header line names the columns, or the same records as JSON.

The files are followed by `mailweir follow`, or posted by whatever reads them; nothing in them is signed, so
a source's secrets are bearer tokens or `user:password`. Which columns there are is the operator's choice
(`record-fields`), so every one is optional but `type`. Records have no id: a record's own text is what
tells it from others, and gives its event id. `jobId` is the campaign; logged headers are the sender's metadata.
Sources: PowerMTA User's Guide, "Accounting records", "Encoding" (CSV, times), "Bounce categories".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from connectors import bounces
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import REFUSALS, add, blanks, complete, refuse_body, refuse_item
from connectors.csv_records import csv_records
from connectors.feedback import event_type_of
from connectors.json_records import json_records
from connectors.signatures import SharedSecret
from connectors.values import from_any_time, host_domain, json_object, message_id, text
from schemas.errors import FailureCode
from schemas.events import BounceClass, BounceReason, EmailEvent, EventType
from schemas.identity import digest

if TYPE_CHECKING:
    from schemas.config import Source

SCHEME = SharedSecret()
FIRST_COLUMN = "type"
_HEADER = "header_"  # columns that hold a header of the message
TYPES: dict[str, EventType] = {
    "r": EventType.QUEUED,
    "d": EventType.DELIVERED,
    "t": EventType.DEFERRED,
    "tq": EventType.DEFERRED,
    "b": EventType.BOUNCED,
    "rb": EventType.BOUNCED,  # unless the report only says "delayed"
    "rs": EventType.UNKNOWN,  # a report on what is counted as delivered already, unless it says "delayed"
    "f": EventType.COMPLAINED,  # unless the report says otherwise
}
# The long names that the configuration knows for the same records.
LONG_NAMES: dict[str, str] = {
    "receipt": "r",
    "delivery": "d",
    "transient": "t",
    "transient-queue": "tq",
    "bounce": "b",
    "remote-bounce": "rb",
    "remote-status": "rs",
    "feedback-loop": "f",
}
# PowerMTA's own classes of a bounce; only used where the reply itself says nothing clear.
CATEGORIES: dict[str, BounceReason] = {
    "bad-configuration": BounceReason.SYSTEM_ERROR,
    "bad-connection": BounceReason.NETWORK_FAILURE,
    "bad-domain": BounceReason.INVALID_DOMAIN,
    "bad-mailbox": BounceReason.INVALID_RECIPIENT,
    "content-related": BounceReason.CONTENT_REJECTED,
    "inactive-mailbox": BounceReason.INACTIVE_MAILBOX,
    "invalid-sender": BounceReason.BLOCKED_DOMAIN,
    "message-expired": BounceReason.EXPIRED,
    "no-answer-from-host": BounceReason.NETWORK_FAILURE,
    "policy-related": BounceReason.POLICY,
    "protocol-errors": BounceReason.PROTOCOL_ERROR,
    "quota-issues": BounceReason.MAILBOX_FULL,
    "relaying-issues": BounceReason.RELAY_DENIED,
    "routing-errors": BounceReason.DNS_FAILURE,
    "spam-related": BounceReason.SPAM_CONTENT,
    "virus-related": BounceReason.CONTENT_REJECTED,
}
# Logged headers that our event has a field for; all others are metadata.
_OWN_HEADERS = frozenset({"message-id", "subject", "from", "to", "return-path", "x-job", "x-hmxmroriginalrecipient"})
Values = Mapping[str, str]  # by column, in lower case
Identified = tuple[Values, str]  # with what tells this record from every other, however often it is read
_CACHED_HEADERS = 1024  # lists of columns: one for each file's header line


class PowerMta:
    """The connector."""

    name = "powermta"
    # Whatever posts the records decides what it tries again; PowerMTA itself keeps them in its files.
    statuses = StatusPolicy(source="PowerMTA User's Guide, accounting directives (files stay until they are deleted)")

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """Bearer token or Basic credentials, against every secret of the source."""
        return SCHEME.verify(request, source)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """One event per record."""
        result, new = ParseResult(), blanks(context, PowerMta.name)
        is_json = request.body.lstrip()[:1] in (b"{", b"[")
        try:
            for values, identity in (_from_json if is_json else _from_csv)(request.body, result):
                event = new()
                event.provider_event_id = identity
                hint = _fill(event, values)
                complete(event, context, hint=hint)
                event.provider_event_id = ""  # PowerMTA gives none; the record's text only made ours
                add(result, event)
        except ValueError as error:
            return refuse_body(FailureCode.WRONG_SHAPE, str(error), request.body)
        return result


def _from_csv(body: bytes, result: ParseResult) -> Iterator[Identified]:
    for record in csv_records(body.decode("utf-8", "replace"), FIRST_COLUMN):
        if record.wrong or not record.values[FIRST_COLUMN].strip():
            refuse_item(result, record.number, record.text, record.wrong or "a record without a type")
        else:
            yield record.values, digest(record.text)


def _from_json(body: bytes, result: ParseResult) -> Iterator[Identified]:
    for index, record in json_records(body, result, "accounting record"):
        values = {name.lower(): text(value) for name, value in record.items()}
        if values.get(FIRST_COLUMN, "").strip():
            yield values, digest(json_object(record))
        else:
            refuse_item(result, index, record, "a record without a type")


def _fill(event: EmailEvent, values: Values) -> BounceClass | None:
    get = values.get
    word = get(FIRST_COLUMN, "").strip()
    kind = LONG_NAMES.get(word, word)
    known, own = _header_columns(tuple(values))
    headers = {name: value for column, name in known if (value := values[column])}
    event.event_type = event_type = _type(kind, get("dsnaction", ""), get("feedbacktype", ""))
    event.occurred_at = from_any_time(get("timelogged"))
    event.provider_event_type = word
    event.smtp_message_id = message_id(headers.get("message-id"))
    event.message_id = event.smtp_message_id or get("envid", "")
    event.campaign_id = get("jobid") or headers.get("x-job", "")
    event.variant_id = get("header_x-variant-id", "")
    event.metadata = json_object({name: value for column, name in own if (value := values[column])})
    event.subject = headers.get("subject", "")
    event.ip_pool = get("vmtapool") or get("vmta", "")
    event.sent_at = from_any_time(get("timequeued"))
    sender = host_domain(headers.get("from")) or host_domain(get("orig"))
    if kind == "f":
        event.recipient = get("rcpt") or headers.get("x-hmxmroriginalrecipient", "") or headers.get("to", "")
        event.sending_ip = get("repsourceip", "")
        event.sending_domain = get("reporteddomain", "").lower() or sender
        event.complaint_type = get("feedbacktype", "")
        return None
    event.recipient = get("rcpt", "")
    event.sending_ip = get("dlvsourceip", "")
    event.sending_domain = sender
    event.smtp_response = _reply(get("dsndiag", ""))
    event.enhanced_status = bounces.codes_in(get("dsnstatus", ""))[1]
    event.remote_mta = get("dsnmta", "").partition(" (")[0]
    return _hint(event_type, get("bouncecat", "")) if event_type in REFUSALS else None


@lru_cache(maxsize=_CACHED_HEADERS)
def _header_columns(columns: tuple[str, ...]) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """(column, header's name) of the columns that hold headers: those that we have a field for, and the sender's."""
    named = [(column, column.removeprefix(_HEADER)) for column in columns if column.startswith(_HEADER)]
    known = [(column, name) for column, name in named if name in _OWN_HEADERS]
    return known, [(column, name) for column, name in named if name not in _OWN_HEADERS]


def _type(kind: str, action: str, feedback_type: str) -> EventType:
    if kind == "f":
        return event_type_of(feedback_type)
    if kind in ("rb", "rs") and action.lower() == "delayed":
        return EventType.DEFERRED
    return TYPES.get(kind, EventType.UNKNOWN)


def _reply(diagnostic: str) -> str:
    """The reply without the kind of diagnostic before it ("smtp;550 5.1.1 ...", RFC 3464 section 2.3.6)."""
    kind, found, reply = diagnostic.partition(";")
    return reply.strip() if found and kind.strip().lower() in ("smtp", "x-pmta", "x-unix", "x-postfix") else diagnostic


def _hint(event_type: EventType, category: str) -> BounceClass | None:
    """How PowerMTA itself classes a refusal."""
    reason = CATEGORIES.get(category.lower())
    if reason is None:
        return None
    smtp_class = 4 if event_type is EventType.DEFERRED else 5
    is_certain = reason is BounceReason.EXPIRED  # the last deferral's reply says why, but not that it is over
    return bounces.of(reason, smtp_class, confidence=1.0 if is_certain else 0.6, rule=f"powermta:{category.lower()}")
