"""Bounce mails: which recipients failed, and what the receiving side said.

RFC 3464 reports (and RFC 6533, their form for international addresses) are read field by field. The many that break
it or predate it are read as text (`connectors/bounce_text.py`). Automatic replies (RFC 3834 `Auto-Submitted`,
vacation notices) are told apart, since they are no failures. Never raises for a mail.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from email.message import Message

from connectors import bounce_text, mime
from connectors.bounces import classify, of
from schemas.events import BounceClass, BounceReason
from schemas.identity import normalise_address

_MOST_RECIPIENTS = 1_000  # one report names a handful; more than this is no bounce
_LONGEST_DIAGNOSTIC = 2_000  # characters
_STATUS_PARTS = frozenset({"message/delivery-status", "message/global-delivery-status"})
_UNICODE = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")  # utf-8-addr-xtext, RFC 6533 section 3
_AUTOMATIC = ("auto-replied", "auto-notified")
_BULK_ANSWERS = frozenset({"auto_reply", "autoreply", "auto-reply"})


@dataclass(frozen=True, slots=True)
class Report:
    """One recipient of a bounce mail. `action` as in RFC 3464 ("failed", "delayed", ...), "" if unsaid.

    `attempted_at` in milliseconds, 0 if unsaid; `envelope_id` is the sender's own (RFC 3461 ENVID).
    """

    recipient: str
    action: str
    status: str
    diagnostic: str
    bounce: BounceClass
    remote_mta: str = ""
    attempted_at: int = 0
    envelope_id: str = ""


def reports(mail: bytes) -> list[Report]:
    """Every recipient the mail reports on, in order; empty for a mail that is no bounce."""
    try:
        message = mime.open_mail(mail)
    except ValueError:
        return []
    return status_reports(message) or automatic_reply(message) or text_reports(message)


def status_reports(message: Message) -> list[Report]:
    """What the mail's delivery-status parts say; empty if it has none."""
    found: list[Report] = []
    for part in mime.parts(message):
        if mime.kind_of(part) in _STATUS_PARTS:
            blocks = _blocks(part)
            shared = next((value for block in blocks if (value := _field(block, "Original-Envelope-Id"))), "")
            found += [replace(report, envelope_id=shared) for block in blocks if (report := _from_block(block))]
    if any(not report.diagnostic for report in found):
        said = {report.recipient: report for report in text_reports(message)}
        found = [_with_words(report, said.get(report.recipient)) for report in found]
    return found[:_MOST_RECIPIENTS]


def automatic_reply(message: Message) -> list[Report]:
    """The one who answers automatically, if that is what the mail is."""
    subject = mime.header(message, "Subject")
    if not _is_automatic(message, subject):
        return []
    sender = next(iter(mime.addresses(message, "From", "Sender", "Reply-To")), "")
    return [Report(sender, "", "", subject, of(BounceReason.AUTO_REPLY, confidence=0.9, rule="auto_reply"))]


def text_reports(message: Message) -> list[Report]:
    """What a bounce mail says in words, see `connectors/bounce_text.py`."""
    found = bounce_text.replies(message)[:_MOST_RECIPIENTS]
    action = bounce_text.action(message) if found else ""
    return [Report(one.recipient, action, "", one.reply, one.bounce) for one in found]


def _blocks(part: Message) -> list[Message]:
    """The groups of fields of a delivery-status part (RFC 3464 section 2.1)."""
    blocks = mime.inner(part)
    rest = "".join(map(mime.as_written, blocks)).strip()
    written = rest.encode("utf-8", "surrogateescape")
    if mime.header(part, "Content-Transfer-Encoding").lower() == "base64":  # not allowed, but sent
        try:
            written = base64.b64decode(b"".join(written.split()))
        except (ValueError, binascii.Error):
            return blocks
    return blocks + list(_groups(written))  # the standard library knows the groups of ASCII reports only


def _groups(written: bytes) -> Iterator[Message]:
    groups = re.split(rb"\r?\n[ \t]*\r?\n", written)
    yield from (found for group in groups[:_MOST_RECIPIENTS] if (found := mime.headers_of(group)) is not None)


def _from_block(block: Message) -> Report | None:
    recipient = _typed(block, "Original-Recipient") or _typed(block, "Final-Recipient")
    if "@" not in recipient:
        recipient = _typed(block, "Final-Recipient") or recipient
    if not recipient:
        return None
    status = (_field(block, "Status").split() or [""])[0]
    diagnostic = _typed(block, "Diagnostic-Code")[:_LONGEST_DIAGNOSTIC]
    return Report(
        recipient=normalise_address(_UNICODE.sub(_character, recipient)),
        action=(_field(block, "Action").lower().split() or [""])[0],
        status=status,
        diagnostic=diagnostic,
        bounce=classify(diagnostic, 0, "" if status.endswith(".0.0") else status),
        remote_mta=_host(_typed(block, "Remote-MTA")),
        attempted_at=mime.when(_field(block, "Last-Attempt-Date")),
    )


def _with_words(report: Report, said: Report | None) -> Report:
    """The report with the words of the mail's text where its own fields have none."""
    if report.diagnostic or said is None:
        return report
    status = "" if report.status.endswith(".0.0") else report.status
    return replace(report, diagnostic=said.diagnostic, bounce=classify(said.diagnostic, 0, status))


def _field(block: Message, name: str) -> str:
    return " ".join(str(block.get(name, "")).split())


def _typed(block: Message, name: str) -> str:
    """The value of a field of the form "type; value", unfolded; the whole value when it has no type."""
    value = mime.header(block, name)
    kind, separator, rest = value.partition(";")
    return rest.strip() if separator and " " not in kind.strip() else value


def _character(written: re.Match[str]) -> str:
    number = int(written[1], 16)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else "\ufffd"


def _host(value: str) -> str:
    """The name in "mx.example.com (203.0.113.27, the server for the domain example.com)"."""
    return (value.split() or [""])[0].strip("[]().,;").rstrip(".").lower()


def _is_automatic(message: Message, subject: str) -> bool:
    if message.get_content_type() == "multipart/report":
        return False
    is_answer = any(mime.has(message, name) for name in ("X-Autoreply", "X-Autorespond"))
    is_answer = is_answer or mime.header(message, "Precedence").lower() in _BULK_ANSWERS
    says_so = classify(subject).reason is BounceReason.AUTO_REPLY
    submitted = mime.header(message, "Auto-Submitted").lower().startswith(_AUTOMATIC)
    return is_answer or says_so or (submitted and not bounce_text.is_from_daemon(message))
