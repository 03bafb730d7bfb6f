"""Feedback reports: what recipients said of a mail (RFC 5965), and mails that failed DMARC (RFC 6591, RFC 9991).

A report's second part is one group of fields, its third the message it is about. Recipients are often blotted out, so
they are looked for in order of trust: the report's own fields, what the receiver put into the message
(Microsoft's JMRP sends no second part, only `X-HmXmrOriginalRecipient`), the sender's own one-click link and return
path, and only then the message's To. Never raises for a mail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message

from connectors import mime
from connectors.oneclick import link_in
from connectors.values import whole
from connectors.verp import recipient_in

_REDACTED = ("redact", "undisclosed", "removed", "xxx", "***", "---")  # what a blotted local part begins with
_FROM_IP = re.compile(r"message from \[?([0-9a-f:.]{3,45})\]?$", re.IGNORECASE)  # the title of Microsoft's JMRP
_JMRP = "X-HmXmrOriginalRecipient"
_MOST_INCIDENTS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """One report. `kind`: the Feedback-Type ("abuse", ...); times in milliseconds, 0 if unsaid."""

    kind: str
    fields: Message
    recipient: str
    reported_domain: str
    source_ip: str
    arrived_at: int
    incidents: int


def feedback(message: Message) -> Feedback | None:
    """The report in this mail; None if it is none."""
    found = next((part for part in mime.parts(message) if mime.kind_of(part) == "message/feedback-report"), None)
    about = mime.original(message)
    if found is not None:
        fields = _fields(found)
        return _feedback(mime.header(fields, "Feedback-Type").lower(), mime.header(fields, "Source-IP"), fields, about)
    if about is not None and mime.has(about, _JMRP):
        titled = _FROM_IP.search(mime.header(message, "Subject"))
        return _feedback("abuse", titled[1] if titled else "", Message(), about)
    return None


def _fields(part: Message) -> Message:
    """The part's one group of fields, which the standard library takes for an attached mail or for text."""
    if attached := mime.inner(part):
        return attached[0]
    return mime.headers_of(mime.content(part) or mime.as_written(part).encode("utf-8", "replace")) or Message()


def _feedback(kind: str, source_ip: str, fields: Message, about: Message | None) -> Feedback:
    return Feedback(
        kind=(kind.split() or ["other"])[0].strip(";,"),
        fields=fields,
        recipient=next(_recipients(fields, about), ""),
        reported_domain=mime.header(fields, "Reported-Domain").lower().rstrip("."),
        source_ip=source_ip.strip("[] "),
        arrived_at=mime.when(mime.first_header(fields, "Arrival-Date", "Received-Date")),
        incidents=whole(mime.header(fields, "Incidents"), _MOST_INCIDENTS) or 1,
    )


def _recipients(fields: Message, about: Message | None) -> Iterator[str]:
    """Everyone who may have received the mail, most trustworthy first."""
    yield from _open(mime.addresses(fields, "Original-Rcpt-To", "Removal-Recipient"))
    if about is not None:
        yield from _open(mime.addresses(about, _JMRP))
        if link := link_in(mime.header(about, "List-Unsubscribe")):
            yield link.recipient
    paths = mime.addresses(fields, "Original-Mail-From")
    if about is not None:
        paths += mime.addresses(about, "Return-Path", "X-Original-Mail-From", "Errors-To")
    if encoded := recipient_in(paths):
        yield encoded
    if about is not None:
        yield from _open(mime.addresses(about, "Delivered-To", "X-Original-To", "To"))


def _open(addresses: list[str]) -> Iterator[str]:
    """Those that are no blots."""
    yield from (address for address in addresses if not address.startswith(_REDACTED))
