"""HTTP/1.1 as values: what is asked (`Head`), what is answered (`Answer`), and an answer's bytes.

Every answer has a length, so every connection can be used again. Versions of what answers are nobody's business.
Source: RFC 9110 (fields, statuses, Date) and RFC 9112 (framing, persistence).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple

import msgspec

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_JSON = "application/json"


class Head(NamedTuple):
    """A request without its body. `headers`: names in lower case, repeated ones joined by a comma.

    `target`: path and query as sent, see `origin_form`; `client_ip` "" when unknown.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    client_ip: str = ""

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]


class Answer(NamedTuple):
    """A status with a body. `should_close`: nothing more is wanted from this connection.

    `headers`: more of them, names and values in ASCII.
    """

    status: int
    body: bytes
    retry_after_s: int = 0
    should_close: bool = False
    allow: str = ""
    content_type: str = _JSON
    headers: tuple[tuple[str, str], ...] = ()


def origin_form(target: bytes) -> str:
    """A request's target as path and query, also of the absolute URL that proxies may send; bad UTF-8 as U+FFFD."""
    text = target.decode("utf-8", "replace")
    return text if text.startswith("/") else f"/{text.partition('://')[2].partition('/')[2]}"


def problem(status: int, code: str, message: str, *, should_close: bool = False, allow: str = "") -> Answer:
    """An error by code and sentence."""
    body = msgspec.json.encode({"error": code, "message": message})
    return Answer(status, body, should_close=should_close, allow=allow)


def render(answer: Answer, date: bytes, *, is_head: bool = False, connection: bytes = b"") -> bytes:
    """The bytes to send; `is_head` leaves the body out, `connection` is that header's value, b"" for none."""
    lines = [_start(answer.status, answer.content_type), b"%d\r\nDate: %b\r\n" % (len(answer.body), date)]
    if answer.retry_after_s:
        lines.append(b"Retry-After: %d\r\n" % answer.retry_after_s)
    if answer.allow:
        lines.append(b"Allow: %b\r\n" % answer.allow.encode("ascii"))
    lines += [f"{name}: {value}\r\n".encode("ascii") for name, value in answer.headers]
    if connection:
        lines.append(b"Connection: %b\r\n" % connection)
    lines.append(b"\r\n" if is_head else b"\r\n" + answer.body)
    return b"".join(lines)


@lru_cache(maxsize=64)
def _start(status: int, content_type: str) -> bytes:
    """Everything before the length."""
    phrase = HTTPStatus(status).phrase
    return (
        f"HTTP/1.1 {status} {phrase}\r\nServer: mailweir\r\nContent-Type: {content_type}\r\nContent-Length: ".encode()
    )


class Dates:
    """The Date header's value, made anew once a second."""

    def __init__(self, clock_ms: Callable[[], int]) -> None:
        self._clock_ms = clock_ms
        self._second = -1
        self._text = b""

    def now(self) -> bytes:
        """IMF-fixdate of this second."""
        second = self._clock_ms() // 1000
        if second != self._second:
            self._second, self._text = second, formatdate(second, usegmt=True).encode("ascii")
        return self._text
