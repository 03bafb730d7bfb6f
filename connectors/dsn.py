"""Bounce mails: which recipients failed, and what the receiving side said.

RFC 3464 reports are read field by field. The many that break it (or predate it) are read as text:
an address near an SMTP reply, as qmail, Exim and older systems write them. Automatic replies (RFC 3834
`Auto-Submitted`, vacation notices) are told apart, since they are no failures. Never raises for a mail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import Message

from connectors.bounces import classify, of
from schemas.events import BounceClass, BounceReason
from schemas.identity import normalise_address

_MOST_RECIPIENTS = 1_000  # one report names a handful; more than this is no bounce
_LONGEST_TEXT = 100_000
_ADDRESS = re.compile(r"<?([A-Za-z0-9._%+'=-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)>?")
_REPLY = re.compile(
    r"(?<![\d.])[45]\d\d[ -](?:#?[45]\.\d{1,3}\.\d{1,3}\b)?.{3,}"
    r"|#?[45]\.\d{1,3}\.\d{1,3}\b.{3,}"
    r"|.*\b(?:user|mailbox|account|quota|host|domain|unknown|refused|rejected|timed out)\b.*",
    re.IGNORECASE,
)
_QUOTED_FROM = re.compile(
    r"^-{2,}.*(?:original message|copy of the message|included is|below this line)", re.IGNORECASE | re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Report:
    """One recipient of a bounce mail. `action` as in RFC 3464 ("failed", "delayed", ...), "" if unsaid."""

    recipient: str
    action: str
    status: str
    diagnostic: str
    bounce: BounceClass


def reports(mail: bytes) -> list[Report]:
    """Every recipient the mail reports on, in order; empty for a mail that is no bounce."""
    message = message_from_bytes(mail, policy=policy.compat32)
    found = [report for block in _status_blocks(message) if (report := _from_block(block))]
    if found:
        return found[:_MOST_RECIPIENTS]
    subject = _subject(message)
    if _is_automatic(message, subject):
        sender = normalise_address(str(message.get("From", "")))
        return [Report(sender, "", "", subject, of(BounceReason.AUTO_REPLY, confidence=0.9, rule="auto_reply"))]
    return list(_from_text(_text(message)))[:_MOST_RECIPIENTS]


def _status_blocks(message: Message) -> Iterator[Message]:
    """The per-recipient groups of every message/delivery-status part (RFC 3464 section 2.3)."""
    for part in message.walk():
        if part.get_content_type() in {"message/delivery-status", "message/global-delivery-status"}:
            payload = part.get_payload()
            yield from (block for block in payload if isinstance(block, Message)) if isinstance(payload, list) else ()


def _from_block(block: Message) -> Report | None:
    recipient = _typed(block, "Final-Recipient") or _typed(block, "Original-Recipient")
    if not recipient:
        return None
    status = str(block.get("Status", "")).split()[0:1]
    diagnostic = _typed(block, "Diagnostic-Code")
    action = str(block.get("Action", "")).strip().lower()
    code = status[0] if status else ""
    return Report(
        recipient=normalise_address(_typed(block, "Original-Recipient") or recipient),
        action=action,
        status=code,
        diagnostic=diagnostic,
        bounce=classify(diagnostic, 0, "" if code.endswith(".0.0") else code),
    )


def _typed(block: Message, name: str) -> str:
    """The value of a field of the form "type; value", unfolded; the whole value when it has no type."""
    value = " ".join(str(block.get(name, "")).split())
    kind, separator, rest = value.partition(";")
    return rest.strip() if separator and " " not in kind.strip() else value


def _subject(message: Message) -> str:
    try:
        return str(make_header(decode_header(str(message.get("Subject", "")))))
    except (ValueError, LookupError, UnicodeError):
        return str(message.get("Subject", ""))


def _is_automatic(message: Message, subject: str) -> bool:
    if message.get_content_type() == "multipart/report":
        return False
    submitted = str(message.get("Auto-Submitted", "no")).lower()
    is_from_daemon = "mailer-daemon" in str(message.get("From", "")).lower() or not str(
        message.get("Return-Path", "x")
    ).strip("<> ")
    is_vacation = bool(message.get("X-Autoreply") or message.get("X-Autorespond"))
    says_so = classify(subject).reason is BounceReason.AUTO_REPLY
    return is_vacation or says_so or (submitted.startswith("auto-replied") and not is_from_daemon)


def _text(message: Message) -> str:
    """The first readable text of the mail, without what it quotes of the returned message."""
    for part in message.walk():
        if part.get_content_type() == "text/plain":
            payload = part.get_payload(decode=True)
            if isinstance(payload, bytes):
                text = payload[:_LONGEST_TEXT].decode(_charset(part), "replace")
                return _QUOTED_FROM.split(text, maxsplit=1)[0]
    return ""


def _charset(part: Message) -> str:
    """The part's charset if Python knows it as a text encoding, else UTF-8."""
    try:
        charset = part.get_content_charset("utf-8")
        b"x".decode(charset, "replace")
    except (LookupError, ValueError):
        return "utf-8"
    return charset


def _from_text(text: str) -> Iterator[Report]:
    """Each address followed by what looks like a reply, up to the next address."""
    found = list(_ADDRESS.finditer(text))
    seen: set[str] = set()
    for position, match in enumerate(found):
        recipient = normalise_address(match[1])
        end = found[position + 1].start() if position + 1 < len(found) else len(text)
        reply = _REPLY.search(" ".join(text[match.end() : min(end, match.end() + 2_000)].split()))
        if reply is None or recipient in seen:
            continue
        bounce = classify(reply[0])
        if bounce.reason is not BounceReason.UNKNOWN:
            seen.add(recipient)
            yield Report(recipient, "", "", reply[0], bounce)
