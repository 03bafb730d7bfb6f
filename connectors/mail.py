"""Feedback that comes by mail: bounces, complaints, automatic replies, opt-outs, reports about domains.

One raw body is one mail (RFC 5322), as `mailweir inbox` reads it from a Maildir, an IMAP folder or over LMTP, or as an
MTA's pipe posts it with a secret. What kind of mail it is, is decided in one list (`READERS`), the most certain first:
feedback reports (RFC 5965), delivery status (RFC 3464), TLS and DMARC reports (RFC 8460, RFC 9990), automatic replies
(RFC 3834), opt-outs by mail (RFC 2369), bounces in words. Everything else is an `unknown` event. Mail proves nothing:
whoever knows the address can write to it, so keep it out of sight (a return path of its own) and filtered.
"""

from __future__ import annotations

from collections.abc import Callable
from email.message import Message
from typing import TYPE_CHECKING

from connectors import mime
from connectors.arf import feedback
from connectors.base import Certificates, Context, ParseResult, Request, StatusPolicy, Verdict
from connectors.canonical import add, blanks, complete, refuse_body
from connectors.dsn import Report, automatic_reply, status_reports, text_reports
from connectors.mail_origin import describe
from connectors.mail_reports import failure_row, report_files
from connectors.oneclick import link_of
from connectors.signatures import SharedSecret
from connectors.values import message_id
from schemas.errors import FailureCode
from schemas.events import BounceClass, EmailEvent, EventType
from schemas.identity import digest

if TYPE_CHECKING:
    from schemas.config import Source

SCHEME = SharedSecret()
# RFC 3464 actions, RFC 5965 feedback types (IANA, "Feedback Report Type Values"), and words of ours for the rest.
TYPES: dict[str, EventType] = {
    "failed": EventType.BOUNCED,
    "delayed": EventType.DEFERRED,
    "delivered": EventType.DELIVERED,
    "relayed": EventType.DELIVERED,  # into a system that sends no reports
    "expanded": EventType.DELIVERED,  # to a list, which took it
    "abuse": EventType.COMPLAINED,
    "fraud": EventType.COMPLAINED,
    "virus": EventType.COMPLAINED,
    "other": EventType.COMPLAINED,
    "opt-out": EventType.UNSUBSCRIBED,  # of RFC 5965's drafts, still sent
    "opt-out-list": EventType.UNSUBSCRIBED,
    "auto-replied": EventType.AUTORESPONDED,
    "unsubscribe": EventType.UNSUBSCRIBED,
}
_OPT_OUT_BOXES = ("unsubscribe", "unsub", "optout", "opt-out", "leave", "remove")
_OPT_OUT_WORDS = frozenset(
    {"unsubscribe", "opt-out", "opt out", "remove", "remove me", "stop", "abmelden", "désinscription"}
)
Reader = Callable[[Message, Context], ParseResult | None]


class Mail:
    """The connector."""

    name = "mail"
    # A pipe of one's own MTA: exit code 75 (EX_TEMPFAIL) on anything but 2xx keeps the mail in its queue.
    statuses = StatusPolicy(source="https://www.postfix.org/pipe.8.html")

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        """Bearer token or Basic credentials, against every secret of the source."""
        return SCHEME.verify(request, source)

    def parse(self, request: Request, context: Context) -> ParseResult:
        """The mail's events and report rows."""
        try:
            message = mime.open_mail(request.body)
        except ValueError as error:
            return refuse_body(FailureCode.WRONG_SHAPE, str(error), request.body)
        for read in READERS:
            if (found := read(message, context)) is not None:
                return found
        return _one(_blank(message, context, "mail"), context)


def _feedback(message: Message, context: Context) -> ParseResult | None:
    """A complaint, an opt-out by the reader's button, or a mail that failed DMARC."""
    found = feedback(message)
    if found is None:
        return None
    if found.kind in {"auth-failure", "dmarc"}:
        return ParseResult(events=[failure_row(found, mime.original(message), message, context, Mail.name)])
    event = _blank(message, context, found.kind)
    event.recipient = found.recipient
    event.complaint_type = found.kind
    event.sending_ip = found.source_ip
    event.sending_domain = found.reported_domain or event.sending_domain
    event.sent_at = event.sent_at or found.arrived_at
    return _one(event, context)


def _reports(message: Message, context: Context) -> ParseResult | None:
    """The DMARC or TLS report that is attached."""
    return report_files(message, context, Mail.name)


def _status(message: Message, context: Context) -> ParseResult | None:
    return _bounces(message, context, status_reports(message))


def _reply(message: Message, context: Context) -> ParseResult | None:
    found = automatic_reply(message)
    if not found:
        return None
    event = _blank(message, context, "auto-replied")
    event.recipient, event.smtp_response = found[0].recipient, ""
    return _one(event, context)


def _opt_out(message: Message, context: Context) -> ParseResult | None:
    """A mail to an address for opting out, or one that says nothing but that. The token of our link says from what."""
    title = mime.header(message, "Subject")
    boxes = [box.partition("@")[0] for box in mime.addresses(message, "To", "Delivered-To", "X-Original-To")]
    author = next(iter(mime.addresses(message, "From")), "")
    links = [found for word in title.split() if (found := link_of(word)) and found.tenant == context.tenant]
    link = next((found for found in links if found.recipient == author), None)  # its signature is not known here
    is_addressed = any(box.startswith(_OPT_OUT_BOXES) for box in boxes)
    if not links and not is_addressed and title.strip(" .!").lower() not in _OPT_OUT_WORDS:
        return None
    event = _blank(message, context, "unsubscribe")
    event.recipient = author
    if link is not None:
        event.stream, event.campaign_id = link.stream, link.campaign
    return _one(event, context)


def _words(message: Message, context: Context) -> ParseResult | None:
    return _bounces(message, context, text_reports(message))


READERS: tuple[Reader, ...] = (_feedback, _status, _reports, _reply, _words, _opt_out)


def _bounces(message: Message, context: Context, found: list[Report]) -> ParseResult | None:
    if not found:
        return None
    result, shared = ParseResult(), _blank(message, context, "failed")
    for report in found:
        event = shared.__copy__()
        event.provider_event_type = (report.action or "failed")[:100]
        event.event_type = TYPES.get(event.provider_event_type, EventType.UNKNOWN)
        event.recipient = report.recipient
        event.message_id = report.envelope_id or event.message_id
        event.occurred_at = report.attempted_at or event.occurred_at
        event.smtp_response = report.diagnostic
        event.remote_mta = report.remote_mta
        if not report.status.endswith(".0.0"):
            event.enhanced_status = report.status[:16]
        _finish(event, context, hint=report.bounce)
        add(result, event)
    return result


def _blank(message: Message, context: Context, word: str) -> EmailEvent:
    """An event of this mail, with what it says about the message it returns."""
    event = blanks(context, Mail.name)()
    event.event_type = TYPES.get(word, EventType.UNKNOWN)
    event.provider_event_type = word[:100]
    event.occurred_at = mime.when(mime.header(message, "Date"))
    about = mime.original(message)
    if about is not None:
        describe(event, about)
    if not event.smtp_message_id:  # an answer names what it answers (RFC 5322 section 3.6.4)
        event.smtp_message_id = message_id((mime.header(message, "In-Reply-To").split() or [""])[0])
        event.message_id = event.smtp_message_id
    # Two reports without an id of the mail they are about may be told apart by nothing but their own.
    event.provider_event_id = "" if event.message_id else mime.header(message, "Message-ID")
    return event


def _finish(event: EmailEvent, context: Context, hint: BounceClass | None = None) -> None:
    if event.provider_event_id:
        event.provider_event_id = digest(event.provider_event_id, event.provider_event_type, event.recipient)
    complete(event, context, hint=hint)


def _one(event: EmailEvent, context: Context) -> ParseResult:
    _finish(event, context)
    return ParseResult(events=[event])
