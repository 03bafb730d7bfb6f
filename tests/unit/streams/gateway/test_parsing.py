"""Bytes to requests, however the network cuts them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from streams.gateway.http import Answer, Head
from streams.gateway.parsing import Manner, RequestParser


@dataclass
class Heard:
    """Requests as they were read: head, manner, body."""

    requests: list[tuple[Head, Manner, bytes]] = field(default_factory=list)
    head: Head | None = None
    manner: Manner = field(default_factory=Manner)
    body: bytes = b""

    def began(self, head: Head, manner: Manner) -> None:
        self.head, self.manner, self.body = head, manner, b""

    def more(self, chunk: bytes) -> None:
        self.body += chunk

    def completed(self) -> None:
        assert self.head is not None
        self.requests.append((self.head, self.manner, self.body))


def read(*parts: bytes) -> tuple[Heard, list[Answer | None]]:
    heard = Heard()
    parser = RequestParser(heard, "192.0.2.1")
    return heard, [parser.feed(part) for part in parts]


def framed(body: bytes, *, is_chunked: bool) -> bytes:
    if is_chunked:
        chunks = (body[at : at + 7] for at in range(0, len(body), 7))
        return (
            b"Transfer-Encoding: chunked\r\n\r\n"
            + b"".join(b"%x\r\n%b\r\n" % (len(c), c) for c in chunks)
            + b"0\r\n\r\n"
        )
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


@given(
    st.lists(st.tuples(st.binary(max_size=60), st.booleans()), min_size=1, max_size=4),
    st.lists(st.integers(0, 600), max_size=12),
)
def test_wherever_the_network_cuts_the_requests_are_the_same(posts: list[tuple[bytes, bool]], cuts: list[int]) -> None:
    head = b"POST /webhooks/a?n=1 HTTP/1.1\r\nHost: x\r\nX-Two: 1\r\nX-Two:  2 \r\n"
    wire = b"".join(head + framed(body, is_chunked=is_chunked) for body, is_chunked in posts)
    edges = [0, *sorted({min(cut, len(wire)) for cut in cuts}), len(wire)]
    heard, problems = read(*(wire[start:end] for start, end in itertools.pairwise(edges)))
    assert problems == [None] * len(problems)
    assert [body for _, _, body in heard.requests] == [body for body, _ in posts]
    for found, manner, _ in heard.requests:
        assert (found.method, found.target, found.path) == ("POST", "/webhooks/a?n=1", "/webhooks/a")
        assert (found.headers["x-two"], found.client_ip, manner.keep) == ("1, 2", "192.0.2.1", True)


@given(st.lists(st.binary(max_size=200), max_size=6))
def test_no_bytes_make_it_raise_and_after_a_refusal_it_is_silent(parts: list[bytes]) -> None:
    heard, problems = read(*parts, b"\r\n\r\n")
    refusals = [answer.status for answer in problems if answer is not None]
    assert refusals in ([], [400], [431])
    if refusals:
        complete = len(heard.requests)
        again, _ = read(*parts, b"\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n")
        assert len(again.requests) == complete
