"""Bytes of a connection to requests: llhttp (through httptools) in its strict mode, and what it leaves open.

Two lengths, a length beside chunks, a space before a colon and the like are refused by llhttp, so a proxy in front
cannot be made to see other requests than we do. How large a head may be is ours to say, and so is how much may be
read without getting anywhere: a header without an end, extensions of chunks, trailers.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import httptools

from streams.gateway.http import Answer, Head, origin_form, problem

_HEAD_BYTES = 64 * 1024  # all names and values; and what may be read before the parser gets any further
_HEADERS = 128


class Manner(NamedTuple):
    """How a request wants to be answered. `echo`: it asked for `keep-alive` by name, which HTTP/1.0 must hear back."""

    is_head: bool = False
    keep: bool = True
    echo: bool = False


class Receiver(Protocol):
    """What is told of requests, in the order of the bytes. None of these may raise."""

    def began(self, head: Head, manner: Manner) -> None:
        """A request's head is complete."""

    def more(self, chunk: bytes) -> None:
        """A part of its body."""

    def completed(self) -> None:
        """Its body is complete."""


class _HeadTooLargeError(Exception):
    """More headers, or longer ones, than anybody needs."""


class RequestParser:
    """One connection's parser. `is_receiving`: a request has begun and is not complete."""

    def __init__(self, receiver: Receiver, client_ip: str) -> None:
        self._receiver = receiver
        self._client_ip = client_ip
        self._parser = httptools.HttpRequestParser(self)
        self._target = b""
        self._headers: dict[str, str] = {}
        self._head_bytes = 0
        self._header_count = 0
        self._has_head = False
        self._has_moved = False
        self._idle_bytes = 0  # read since the parser got any further
        self._is_deaf = False
        self._has_offer = False  # to speak another protocol from here on
        self._is_declining = False
        self.is_receiving = False

    def feed(self, data: bytes) -> Answer | None:
        """Read on. An answer when what comes is no HTTP or too much of it: then nothing more will be read."""
        if self._is_deaf:
            return None
        self._has_moved = False
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            return self._decline(data[offer.args[0] :])
        except httptools.HttpParserError as error:
            return self._refuse(is_too_large=isinstance(error.__context__, _HeadTooLargeError))
        self._idle_bytes = 0 if self._has_moved else self._idle_bytes + len(data)
        return self._refuse(is_too_large=True) if self._idle_bytes > _HEAD_BYTES else None

    def stop(self) -> None:
        """Read nothing more."""
        self._is_deaf = True

    # What httptools calls.

    def on_message_begin(self) -> None:
        """A first byte."""
        if self._is_declining:
            return
        self.is_receiving, self._has_head = True, False
        self._target, self._headers, self._head_bytes, self._header_count = b"", {}, 0, 0

    def on_url(self, part: bytes) -> None:
        """The target, or a part of it."""
        if not self._is_declining:
            self._target += part
            self._charge(len(part))

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer, which is dropped. Text that is no UTF-8 keeps its readable part."""
        self._header_count += 1
        self._charge(len(name) + len(value))
        if self._has_head:
            return
        key, text = name.decode("latin-1").lower(), value.decode("utf-8", "replace").strip(" \t")
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        """The head is complete."""
        if self._is_declining:
            self._is_declining = False
            return
        self._has_head = self._has_moved = True
        parser, headers = self._parser, self._headers
        method = parser.get_method().decode("ascii")
        self._has_offer = parser.should_upgrade()
        keep = method != "CONNECT" and parser.should_keep_alive()
        manner = Manner(method == "HEAD", keep, "keep-alive" in headers.get("connection", "").lower())
        self._receiver.began(Head(method, origin_form(self._target), headers, self._client_ip), manner)

    def on_body(self, chunk: bytes) -> None:
        """A part of the body, without the framing of chunks."""
        self._has_moved = True
        self._receiver.more(chunk)

    def on_message_complete(self) -> None:
        """The request is complete."""
        if self._has_offer:  # the parser takes what follows for another protocol; `_decline` knows better
            return
        self.is_receiving, self._has_moved = False, True
        self._receiver.completed()

    def _decline(self, rest: bytes) -> Answer | None:
        """Go on in HTTP/1.1 after an offer to leave it (RFC 9110, 7.8), with the body that the request still has.

        httptools drops the framing with the offer, so a new parser is told the framing alone.
        """
        framing = "".join(
            f"{name}: {self._headers[name]}\r\n"
            for name in ("content-length", "transfer-encoding")
            if name in self._headers
        )
        self._parser = httptools.HttpRequestParser(self)
        self._has_offer, self._is_declining = False, True
        return self.feed(f"POST / HTTP/1.1\r\n{framing}\r\n".encode() + rest)

    def _charge(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > _HEAD_BYTES or self._header_count > _HEADERS:
            raise _HeadTooLargeError

    def _refuse(self, *, is_too_large: bool) -> Answer:
        self._is_deaf = True
        if is_too_large:
            return problem(431, "head_too_large", "the request's headers are too large", should_close=True)
        return problem(400, "bad_request", "this is no valid HTTP/1.1 request", should_close=True)
