"""Postfix's log lines: which message a line is about, and what it says of it.

Known by their words, not by the daemon that wrote them, since services may have any name. A message's lines are
joined by its queue id (postconf(5), `enable_long_queue_ids`, gives the two forms of ids). `context_key` says what
of a line must be known to understand a later one; `mailweir follow` sends such lines along.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from connectors.syslog import syslog_line

CONTEXT_HEADER = "x-log-context-lines"  # how many of the body's first lines were sent before and only explain others
_ABOUT_MESSAGE = re.compile(r"([0-9A-F]{6,20}|[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,30}): (.*)", re.DOTALL)
_DELIVERY = re.compile(
    r"to=<(?P<to>[^>]*)>, (?:orig_to=<(?P<original>[^>]*)>, )?relay=(?P<relay>[^,]*), (?:conn_use=\d+, )?"
    r"(?:delay=(?P<delay>[\d.]+), )?(?:delays=[^,]*, )?(?:dsn=(?P<dsn>[\d.]+), )?status=(?P<status>[\w-]+)"
    r"(?: \((?P<reply>.*)\))?\s*",
    re.DOTALL,
)
_FROM = re.compile(r"from=<(?P<sender>[^>]*)>, (?:size=\d+|status=(?P<end>[\w-]+))")
_MESSAGE_ID = re.compile(r"message-id=<?([^<>\s]{1,500})>?")
_HEADER = re.compile(
    r"(?:info|warning|prepend|replace|hold): header (?P<name>[\w-]{1,80}): (?P<value>.*?) from \S+; from=<", re.DOTALL
)


class PostfixLine(NamedTuple):
    """A line about one message. `name`: the syslog name ("postfix"), `service`: the daemon ("smtp")."""

    time: str
    name: str
    service: str
    queue_id: str
    text: str


class Delivery(NamedTuple):
    """One recipient's fate in one attempt, as written. `delay_s`: since the message came in."""

    recipient: str
    relay: str
    delay_s: float
    dsn: str
    status: str
    reply: str


def postfix_line(line: str) -> PostfixLine | None:
    """The line if it is about a message of Postfix's; None for all others (connections, other programs)."""
    found = syslog_line(line)
    about = _ABOUT_MESSAGE.fullmatch(found.text) if found else None
    if found is None or about is None:
        return None
    name, _, service = found.tag.rpartition("/")
    return PostfixLine(found.time, name, service, about[1], about[2]) if name else None


def delivery(text: str) -> Delivery | None:
    """What a delivery agent says of one recipient; None if the text says no such thing."""
    found = _DELIVERY.fullmatch(text)
    if found is None:
        return None
    return Delivery(
        recipient=found["to"] or found["original"] or "",
        relay=found["relay"],
        delay_s=_seconds(found["delay"] or ""),
        dsn=found["dsn"] or "",
        status=found["status"],
        reply=found["reply"] or "",
    )


def sender(text: str) -> tuple[str, str] | None:
    """(envelope sender, how the message ended) of the queue manager's line; the end is "" while it goes on."""
    found = _FROM.match(text)
    return (found["sender"], found["end"] or "") if found else None


def message_id(text: str) -> str:
    """The Message-ID that cleanup saw, "" if the text is not about it."""
    found = _MESSAGE_ID.fullmatch(text.strip())
    return found[1] if found else ""


def header(text: str) -> tuple[str, str] | None:
    """(name in lower case, value) of a header that `header_checks` logs."""
    found = _HEADER.match(text)
    return (found["name"].lower(), found["value"]) if found else None


def context_key(text: str) -> str:
    """Under which key a line must be remembered for the lines after it; "" if it explains none.

    A later line of the same key takes its place; one that `is_settled` takes it away.
    """
    if message_id(text):
        return "message-id"
    if found := header(text):
        return f"header {found[0]}"
    if (said := sender(text)) and not said[1]:
        return "from"
    outcome = delivery(text)
    return f"to {outcome.recipient}" if outcome else ""


def is_settled(text: str) -> bool:
    """Whether a recipient waits no longer."""
    outcome = delivery(text)
    return outcome is not None and outcome.status != "deferred"


def needs_context(text: str) -> bool:
    """Whether events are made from a line of this text."""
    return text.startswith(("to=<", "from=<")) and "status=" in text


def is_end(text: str) -> bool:
    """Whether no more lines come of the message."""
    return text.strip() == "removed"


def _seconds(written: str) -> float:
    try:
        return float(written[:20] or 0)
    except ValueError:
        return 0.0
