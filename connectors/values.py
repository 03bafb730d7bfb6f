"""Reading JSON that strangers wrote: whatever a field holds, a clean canonical value comes out.

Nothing here raises for any input but `decode`, which raises ValueError. Text is valid UTF-8 (lone
surrogates become U+FFFD), numbers fit 64 bits, times are milliseconds since the epoch or 0.
Decoding is msgspec's (RFC 8259, strict and fast); a body it refuses is read once more by the lenient
standard library, so that one broken string or a NaN does not cost the whole batch.
"""

from __future__ import annotations

import json
import math
import re
from binascii import a2b_qp
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

import msgspec

from schemas.identity import domain_of

MAX_MILLIS = 253_402_300_799_999  # the last millisecond of the year 9999, which RFC 3339 can still write
_MILLIS_FROM = 100_000_000_000  # a "seconds" value above this (year 5138) is taken for milliseconds
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_HTTP_DATE = "%a, %d %b %Y %H:%M:%S GMT"
_LONGEST_TIME = 64  # characters; RFC 3339 with nanoseconds and offset needs 35
_LARGEST = 2**63 - 1
_MOST_FIELDS = 1_000  # of a form
_LONGEST_HEAD = 2_000  # bytes of a part's headers that are looked at
_SURROGATE = re.compile("[\ud800-\udfff]")
_MULTIPART = re.compile(
    r"multipart/form-data\b[^\r\n]*?\bboundary=(?:\"([^\"]{1,70})\"|([^\s;\"]{1,70}))", re.IGNORECASE
)
_FIELD_NAME = re.compile(rb'content-disposition:[^\r\n]*?;[ \t]*name="([^"\r\n]*)"', re.IGNORECASE)
_IS_FILE = re.compile(rb"content-disposition:[^\r\n]*?;[ \t]*filename\*?=", re.IGNORECASE)


def decode(body: bytes) -> Any:
    """The JSON value of `body`. Raises ValueError when it is no JSON, or nested beyond reading."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        pass
    except RecursionError:
        raise ValueError("nested too deeply") from None
    try:
        return _clean(json.loads(body.decode("utf-8", "replace").removeprefix("\ufeff"), strict=False))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _clean(value: Any) -> Any:
    """The tree without lone surrogates and without numbers that no 64-bit field can hold."""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def form(body: bytes) -> list[tuple[str, str]]:
    """Names and values of an application/x-www-form-urlencoded body, at most a thousand; none if it is no such form."""
    if body.isascii() and body.find(b"\n") < 0 and body.find(b"\r") < 0:
        fields = body.split(b"&") if body.count(b"&") < _MOST_FIELDS else []
        pairs = (field.partition(b"=") for field in fields if field)
        return [(_unescaped(name), _unescaped(value)) for name, _, value in pairs]
    try:
        return parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return []


def _unescaped(value: bytes) -> str:
    """A form's name or value, its escapes read as those of quoted-printable: in C, where urllib loops.

    Each takes three bytes and leaves one; where that is not what came out, some were none. No line ends.
    """
    found = a2b_qp(value.replace(b"=", b"=3D").replace(b"+", b" ").replace(b"%", b"="))
    if len(found) != len(value) - 2 * value.count(b"%"):
        return unquote_plus(value.decode("ascii"))
    return found.decode("utf-8", "replace")


def multipart(body: bytes, content_type: str) -> list[tuple[str, str]]:
    """Names and texts of a multipart/form-data body (RFC 7578), at most a thousand; none if it is no such form.

    Files are left out. One pass, no nesting: what is inside a part stays a text.
    """
    found = _MULTIPART.match(content_type.strip())
    if found is None:
        return []
    mark = b"\r\n--" + (found[1] or found[2]).encode("utf-8", "replace")
    fields = []
    for part in (b"\r\n" + body).split(mark, _MOST_FIELDS + 1)[1 : _MOST_FIELDS + 1]:
        head, _, value = part.partition(b"\r\n\r\n")
        name = _FIELD_NAME.search(head[:_LONGEST_HEAD])
        if name is not None and not _IS_FILE.search(head[:_LONGEST_HEAD]):
            fields.append((name[1].decode("utf-8", "replace"), value.decode("utf-8", "replace")))
    return fields


def encode(value: Any) -> bytes:
    """The decoded JSON value as JSON bytes again (for the failure that keeps an item)."""
    return msgspec.json.encode(value)


def text(value: Any) -> str:
    """A string as it is, a number in digits; everything else is unknown: ""."""
    if type(value) is str:
        return value
    if type(value) is int or type(value) is float:
        return str(value)
    return ""


def first_text(*values: Any) -> str:
    """The first value that has a text."""
    for value in values:
        if found := text(value):
            return found
    return ""


def texts(value: Any) -> list[str]:
    """A list of texts; a lone text counts as a list of one, what is no text is left out."""
    if type(value) is list:
        for item in value:
            if type(item) is not str or not item:
                return [found for item in value if (found := text(item))]
        return value
    found = text(value)
    return [found] if found else []


def mapping(value: Any) -> dict[str, Any]:
    """An object, or an empty one (some senders write `[]` for an empty object)."""
    return value if type(value) is dict else {}


def sequence(value: Any) -> list[Any]:
    """An array; a lone object counts as an array of one."""
    if type(value) is list:
        return value
    return [value] if type(value) is dict else []


def whole(value: Any, highest: int = _LARGEST) -> int:
    """A whole number from 0 to `highest`, also when written as text or float; else 0."""
    if value is None:
        return 0
    try:
        number = int(value) if type(value) is not str else int(value[:20])
    except (TypeError, ValueError, OverflowError):
        return 0
    return number if 0 <= number <= highest else 0


def smtp_code(value: Any) -> int:
    """An SMTP reply code (RFC 5321 section 4.2: 200 to 559), else 0."""
    code = whole(value, 599)
    return code if code >= 200 else 0


def from_seconds(value: Any) -> int:
    """Seconds since the epoch (int, float or digits) as milliseconds; 0 if it is no such time."""
    if type(value) is str:
        try:
            value = float(value[:_LONGEST_TIME])
        except ValueError:
            return 0
    if type(value) is int:
        millis = value * 1000 if value < _MILLIS_FROM else value
    elif type(value) is float and 0 < value < math.inf:
        millis = round(value * 1000) if value < _MILLIS_FROM else int(value)
    else:
        return 0
    return millis if 0 < millis <= MAX_MILLIS else 0


def from_rfc3339(value: Any) -> int:
    """An RFC 3339 time as milliseconds; without offset it is UTC; 0 if it is no such time."""
    if type(value) is not str or len(value) > _LONGEST_TIME:
        return 0
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        since = moment - _EPOCH
    except (ValueError, OverflowError):
        return 0
    millis = since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000
    return millis if 0 < millis <= MAX_MILLIS else 0


def from_http_date(value: Any) -> int:
    """An HTTP date (IMF-fixdate, RFC 9110 section 5.6.7) as milliseconds; 0 if it is no such time."""
    if type(value) is not str or len(value) > _LONGEST_TIME:
        return 0
    try:
        moment = datetime.strptime(value, _HTTP_DATE).replace(tzinfo=UTC)
    except ValueError:
        return 0
    return max(0, (moment - _EPOCH) // _MILLISECOND)


def from_any_time(value: Any) -> int:
    """RFC 3339, seconds since the epoch, or an HTTP date."""
    return from_rfc3339(value) or from_seconds(value) or from_http_date(value)


def json_object(value: Mapping[str, Any]) -> str:
    """The mapping as JSON text, "" when it is empty."""
    return msgspec.json.encode(value).decode() if value else ""


def own_values(value: Any, name: str) -> dict[str, Any]:
    """The sender's own values in a field that holds an object, JSON text of one, or any text (kept under `name`)."""
    if type(value) is dict:
        return value
    given = text(value)
    if given.lstrip().startswith("{"):
        try:
            return mapping(decode(given.encode("utf-8", "replace"))) or {name: given}
        except ValueError:
            pass
    return {name: given} if given else {}


def message_id(value: Any) -> str:
    """A Message-ID (RFC 5322) without angle brackets and surrounding space."""
    if type(value) is str and value[:1] == "<" and value[-1:] == ">":
        return value[1:-1]
    return text(value).strip().removeprefix("<").removesuffix(">")


def host_domain(address: Any) -> str:
    """The domain of an address or Message-ID if it is a real one, with a dot; else ""."""
    domain = domain_of(address) if type(address) is str else ""
    return domain if "." in domain else ""


def bare_ip(value: Any) -> str:
    """An IP address without port and brackets: "192.0.2.1:25", "[2001:db8::1]:25"."""
    address = text(value).strip()
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0] if address.count(":") == 1 else address
