"""A mail opened carefully: RFC 5322 and RFC 2045 as strangers write them, within bounds.

The standard library does the parsing; what it may cost is bounded before (bytes, lines, boundaries: its time grows
with lines times open boundaries, its stack with nesting). Nothing here raises but `open_mail`. Texts are valid
UTF-8, times are milliseconds since the epoch or 0.
"""

from __future__ import annotations

import html
import re
from codecs import lookup
from datetime import UTC
from email import message_from_bytes, policy
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from typing import Any

from connectors.values import MAX_MILLIS
from schemas.identity import normalise_address

_LARGEST = 24 * 1024 * 1024  # bytes: what one record of the log may hold
_MOST_LINES = 500_000  # 24 MB in base64 are 320,000
_MOST_BOUNDARIES = 50  # a returned newsletter has three or four
_MOST_PARTS = 200
_LONGEST_HEADER = 4_000  # characters kept of one header
_LONGEST_TEXT = 100_000
_NAMES = re.compile(
    rb"^(?:from|to|date|subject|received|return-path|message-id|content-type|mime-version):",
    re.IGNORECASE | re.MULTILINE,
)
_NESTING = re.compile(rb"boundary\s*=|message/(?:rfc822|global|partial|external-body)", re.IGNORECASE)
_BREAK = re.compile(r"<br\s?/?>|</(?:p|tr|div|h\d|li)>", re.IGNORECASE)
_TAG = re.compile(r"<[a-z/!][^<>]{0,500}>", re.IGNORECASE)
_HIDDEN = ("style", "script")
_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]]{1,64}@[^\s@<>,;:\"()\[\]]+\.[^\s@<>,;:\"()\[\]]+")
_QUOTED_FROM = re.compile(
    r"^(?:-{2,20}[^\n]{0,80}?(?:original message|unsent message|copy of the message|included is|below this line)"
    r"[^\n]{0,200}"
    r"|original message headers:|message headers follow\.?)",
    re.IGNORECASE | re.MULTILINE,
)
_NO_CHARSETS = frozenset({"punycode", "idna", "unicode-escape", "raw-unicode-escape", "undefined"})
_PLAIN = "raw-unicode-escape"  # what the library writes unencoded pieces in
_DEFECTS = (MessageError, ValueError, LookupError, TypeError, AttributeError)  # what the library raises for odd mails
_COPIES = frozenset({"message/rfc822", "message/global"})
_HEADERS_ONLY = frozenset({"text/rfc822-headers", "message/rfc822-headers", "message/global-headers", "text/rfc822"})


def open_mail(mail: bytes) -> Message:
    """The mail as a tree. Raises ValueError (a sentence) for what is no mail or costs too much to read."""
    if len(mail) > _LARGEST:
        raise ValueError(f"the mail is larger than {_LARGEST} bytes")
    if mail.count(b"\n") > _MOST_LINES or len(_NESTING.findall(mail)) > _MOST_BOUNDARIES:
        raise ValueError("the mail has more lines or parts than any mail needs")
    if not _NAMES.search(mail[:100_000]):
        raise ValueError("this is no mail: it begins without any of the usual headers")
    return _parsed(mail)


def _parsed(mail: bytes) -> Message:
    try:
        return message_from_bytes(mail, policy=policy.compat32)
    except (*_DEFECTS, RecursionError) as error:
        raise ValueError(f"the mail cannot be read ({type(error).__name__})") from None


def parts(message: Message) -> list[Message]:
    """Every part of this mail, outermost first; attached messages are parts, what is inside them is not this mail."""
    found: list[Message] = []
    waiting = [message]
    while waiting and len(found) < _MOST_PARTS:
        part = waiting.pop()
        found.append(part)
        if part.get_content_maintype() == "multipart":
            waiting += reversed(inner(part))
    return found


def inner(part: Message) -> list[Message]:
    """The messages or parts right inside this one; none in a text."""
    found: Any = (
        part.get_payload() if part.is_multipart() else []
    )  # a text would be decoded by whatever charset it names
    return [each for each in found if isinstance(each, Message)]


def kind_of(part: Message) -> str:
    """The part's media type, in lower case."""
    return part.get_content_type()


def parameter(part: Message, name: str) -> str:
    """A parameter of the Content-Type, in lower case; "" if it has none or it is unreadable."""
    try:
        return str(part.get_param(name) or "").strip().lower()
    except _DEFECTS:
        return ""


def header(message: Message, name: str) -> str:
    """A header in one line, encoded words (RFC 2047) decoded; "" if it is missing."""
    return next(iter(_values(message, name)), "")


def has(message: Message, name: str) -> bool:
    """Whether the header is there at all."""
    return any(key.lower() == name.lower() for key, _ in message.raw_items())


def first_header(message: Message, *names: str) -> str:
    """The first of these headers that says something."""
    return next((found for name in names if (found := header(message, name))), "")


def _charset(name: str) -> str:
    """The charset of that name; UTF-8 for one that nobody knows, or that is no charset but a puzzle (punycode)."""
    try:
        found = lookup(name).name
        b"x".decode(found, "replace")  # some codecs are about no text
    except (LookupError, ValueError):
        return "utf-8"
    return "utf-8" if found.replace("_", "-") in _NO_CHARSETS else found


def _decoded(value: str) -> str:
    if "=?" not in value:
        return value
    try:
        found = "".join(
            piece if isinstance(piece, str) else piece.decode(_charset(name) if name else _PLAIN, "replace")
            for piece, name in decode_header(value)
        )
    except _DEFECTS:
        return value
    return found.encode("utf-8", "replace").decode()


def _values(message: Message, name: str) -> list[str]:
    """Every header of the name, each in one line of valid UTF-8."""
    written = [value for key, value in message.raw_items() if key.lower() == name.lower()]
    return [" ".join(_valid(_decoded(_valid(str(value)[:_LONGEST_HEADER]))).split()) for value in written]


def _valid(value: str) -> str:
    """Valid UTF-8: what the parser kept as undecoded bytes is read as UTF-8."""
    return value if value.isascii() else value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def addresses(message: Message, *names: str) -> list[str]:
    """The addresses in these headers, normalised, in order, each once."""
    try:
        pairs = getaddresses([value for name in names for value in _values(message, name)])
    except RecursionError:  # comments within comments
        return []
    return list(dict.fromkeys(kept for _, written in pairs if (kept := address(written))))


def address(value: str) -> str:
    """The first address in a text, normalised; "" if there is none."""
    found = _ADDRESS.search(value)
    return normalise_address(found[0].strip(".'")) if found else ""


def when(value: str) -> int:
    """A date as mail has it (RFC 5322 section 3.3) in milliseconds, 0 if it is none."""
    try:
        moment = parsedate_to_datetime(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        millis = int(moment.timestamp() * 1000)
    except (*_DEFECTS, OverflowError):
        return 0
    return millis if 0 < millis <= MAX_MILLIS else 0


def content(part: Message) -> bytes:
    """A part's bytes without its transfer encoding."""
    try:
        payload = part.get_payload(decode=True)
    except _DEFECTS:
        return b""
    return payload if isinstance(payload, bytes) else b""


def as_written(part: Message) -> str:
    """A text part as it stands in the mail; "" if it names a charset that breaks the reading."""
    try:
        payload = part.get_payload()
    except _DEFECTS:
        return ""
    return payload if isinstance(payload, str) else ""


def text(message: Message) -> str:
    """The first text of the mail: plain, else HTML without its tags."""
    found = {kind_of(part): part for part in reversed(parts(message)) if kind_of(part).startswith("text/")}
    plain, rich = found.get("text/plain"), found.get("text/html")
    if plain is not None and (said := text_of(plain)).strip():
        return said
    if rich is None:
        return ""
    return html.unescape(_TAG.sub(" ", _BREAK.sub("\n", _visible(text_of(rich)))))


def _visible(page: str) -> str:
    """A page without what no reader sees."""
    for name in _HIDDEN:
        kept, low, position = [], page.lower(), 0
        while (start := low.find(f"<{name}", position)) >= 0:
            kept.append(page[position:start])
            end = low.find(f"</{name}", start)
            position = end if end >= 0 else len(page)
        page = "".join(kept) + page[position:]
    return page


def text_of(part: Message) -> str:
    """A part's text in its own charset; an unknown one is read as UTF-8."""
    try:
        charset = _charset(part.get_content_charset("utf-8"))
    except _DEFECTS:
        charset = "utf-8"
    found = content(part)[:_LONGEST_TEXT].decode(charset, "replace")
    return found.encode("utf-8", "replace").decode()


def notice(message: Message) -> str:
    """The mail's own text, without what it quotes of another message."""
    return _QUOTED_FROM.split(text(message), maxsplit=1)[0]


def original(message: Message) -> Message | None:
    """The message that this one returns or reports on, at least its headers; None if it has none of it."""
    for part in parts(message)[1:]:
        if kind_of(part) in _COPIES and (copies := inner(part)):
            return copies[0]
        if kind_of(part) in _HEADERS_ONLY:
            return headers_of(content(part))
    quoted = _QUOTED_FROM.split(text(message), maxsplit=1)
    return headers_of(quoted[1].lstrip().encode()) if len(quoted) > 1 else None


def headers_of(written: bytes) -> Message | None:
    """A message's headers, what follows the first empty line left out."""
    try:
        return _parsed(re.split(rb"\r?\n\r?\n", written.lstrip(), maxsplit=1)[0] + b"\n\n")
    except ValueError:
        return None
