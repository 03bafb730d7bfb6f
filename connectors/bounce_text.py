"""Bounces in words: an address near what looks like a reply, as qmail, Exim, Exchange and older systems write them.

A guess is only made where the mail looks like a bounce, and an address is only named when a rule of
`bounce_rules.toml` knows what is said about it. Looked for in this order: an address followed by a reply (QSBMF of
qmail, Postfix, Exim, Exchange), a paragraph about an address ("the mailbox of ... is full"), and last the recipient
that the mail's headers or the returned message name, with what the text says as a whole.
Sources: QSBMF (Bernstein, 1996), Exim specification chapter "Customizing bounce and warning messages", Exchange NDRs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from itertools import islice

from connectors import mime
from connectors.bounces import classify
from connectors.verp import recipient_in
from schemas.events import BounceClass, BounceReason
from schemas.identity import normalise_address

_LONGEST_REPLY = 500  # characters kept of what was said
_MOST_ADDRESSES = 500  # of one text; a bounce that names more is none
_MOST_NAMED = 100  # in a header; Exim writes one line for each, and a mail has a hundred recipients at most
_REACH = 2_000  # characters between an address and its reply
_ADDRESS = re.compile(r"<?([A-Za-z0-9._%+'=-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+)>?")
_WHOSE = re.compile(rf" ?\b(?:of|for|from|to)(?: (?:the )?(?:user|recipient))? {_ADDRESS.pattern}", re.IGNORECASE)
_BLANK_LINE = re.compile(r"\r?\n[ \t]*\r?\n")
_CODED = re.compile(
    r"(?<![\d.])[45]\d\d[ -](?:#?[45]\.\d{1,3}\.\d{1,3}\b)?.{3,}|#?[45]\.\d{1,3}\.\d{1,3}\b.{3,}",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"\b(?:user|mailbox|account|quota|host|domain|unknown|refused|rejected|timed out)\b",
    re.IGNORECASE,
)
_DAEMONS = ("mailer-daemon", "postmaster", "mail delivery", "mail-daemon", "mdaemon", "mailerdaemon")
_ANSWERS = ("re:", "aw:", "sv:", "fw:", "fwd:", "wg:", "tr:", "rv:")
_SUBJECTS = re.compile(
    r"undeliver|delivery (?:status|fail|report|problem)|fail(?:ed|ure)|returned|non remis|unzustellbar"
    r"|no se (?:pudo|ha)|could not be delivered|delayed|rejected|mailbox (?:is )?full|quota|bounce",
    re.IGNORECASE,
)
_DELAYS = re.compile(
    r"\b(?:delivery delayed|message delayed|delayed mail|still being retried|has not yet been delivered"
    r"|will (?:keep|continue) (?:on )?trying|not been delivered (?:yet|so far)|warning: could not send"
    r"|delivery attempts will continue|you do not need to resend)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Reply:
    """Who is meant, and what was said."""

    recipient: str
    reply: str
    bounce: BounceClass


def replies(message: Message) -> list[Reply]:
    """Every recipient that the mail's text says something about; empty when it is no bounce."""
    if not looks_like_bounce(message):
        return []
    said = mime.notice(message)
    ours = {*mime.addresses(message, "To", "From", "Delivered-To", "Return-Path")}
    return list(_after_address(said, ours)) or list(_in_paragraph(said, ours)) or _as_a_whole(message, said)


def action(message: Message) -> str:
    """ "delayed" for a warning that delivery takes its time, else "failed", as RFC 3464 would call it."""
    words = f"{mime.header(message, 'Subject')}\n{mime.notice(message)[:_REACH]}"
    return "delayed" if _DELAYS.search(words) else "failed"


def looks_like_bounce(message: Message) -> bool:
    """From a mail system, or without a return path and titled like what mail systems send."""
    is_pathless = not mime.header(message, "Return-Path").strip("<> ")  # what people write has one
    return is_from_daemon(message) or (is_pathless and _is_titled(message))


def is_from_daemon(message: Message) -> bool:
    """Whether a mail system sent it, by the names that only they have."""
    sender = mime.header(message, "From").lower()
    return any(name in sender for name in _DAEMONS) or mime.has(message, "X-Failed-Recipients")


def _is_titled(message: Message) -> bool:
    """Whether it is titled like a bounce, and not like somebody's answer to one."""
    subject = mime.header(message, "Subject")
    return bool(_SUBJECTS.search(subject)) and not subject.lower().startswith(_ANSWERS)


def _after_address(said: str, ours: set[str]) -> Iterator[Reply]:
    """Each address followed by what looks like a reply, up to the next address."""
    found = list(islice(_ADDRESS.finditer(said), _MOST_ADDRESSES))
    seen: set[str] = set(ours)
    for position, match in enumerate(found):
        recipient = normalise_address(match[1])
        end = found[position + 1].start() if position + 1 < len(found) else len(said)
        after = said[match.end() : min(end, match.end() + _REACH)].lstrip(" \t\r\n>:;,-")
        for words in _candidates(after):
            if recipient not in seen and (known := _known(recipient, words)):
                seen.add(recipient)
                yield known


def _candidates(after: str) -> Iterator[str]:
    """What may be the reply behind an address: from its code on, or all of it; one paragraph before several."""
    for part in (_BLANK_LINE.split(after, maxsplit=1)[0], after):
        words = " ".join(part.split())
        if coded := _CODED.search(words):
            yield coded[0]
        if _ABOUT.search(words):
            yield words


def _in_paragraph(said: str, ours: set[str]) -> Iterator[Reply]:
    """Each address in a paragraph that says what is wrong with it."""
    seen: set[str] = set(ours)
    for paragraph in _BLANK_LINE.split(said):
        words = " ".join(paragraph[:_REACH].split())
        for match in _ADDRESS.finditer(words):
            recipient = normalise_address(match[1])
            if recipient not in seen and (known := _known(recipient, words)):
                seen.add(recipient)
                yield known


def _as_a_whole(message: Message, said: str) -> list[Reply]:
    """The text about the recipients that something else names."""
    words = " ".join(said[:_REACH].split())
    if named := _named(message):  # then it is a failure, whatever it is called
        return [
            _known(recipient, words) or Reply(recipient, words[:_LONGEST_REPLY], classify(words)) for recipient in named
        ]
    returned = mime.original(message)
    written = mime.addresses(returned, "To", "Cc") if returned is not None else []
    return [known for recipient in written[:1] if len(written) == 1 and (known := _known(recipient, words))]


def _named(message: Message) -> list[str]:
    """Recipients by the header of Exim and Gmail, or by the address that the bounce came to (VERP)."""
    if listed := mime.addresses(message, "X-Failed-Recipients"):
        return listed[:_MOST_NAMED]
    encoded = recipient_in(mime.addresses(message, "To", "Delivered-To", "X-Original-To"))
    return [encoded] if encoded and is_from_daemon(message) else []


def _known(recipient: str, words: str) -> Reply | None:
    """The reply, if a rule knows what it means."""
    bounce = classify(words)
    if bounce.reason is BounceReason.UNKNOWN:  # "the mailbox of ada@example.com is full"
        bounce = classify(_WHOSE.sub("", words))
    if bounce.reason is BounceReason.UNKNOWN:
        return None
    return Reply(recipient, words[:_LONGEST_REPLY], bounce)
