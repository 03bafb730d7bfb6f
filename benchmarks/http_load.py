"""A load generator that costs little: keep-alive sockets, prepared bytes, one thread, no HTTP library.

Each connection sends a request, waits for the whole answer, and sends the next one (closed loop, no pipelining).
The query `?n=<number>` makes every request a different one without signing it anew, and lets the reader of the
log say which requests are there.
"""

from __future__ import annotations

import re
import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

NUMBER = re.compile(rb"\?n=(\d{8})")
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_PATIENCE_S = 15.0  # longer than the gateway waits for an acknowledgement


@dataclass(frozen=True, slots=True)
class Post:
    """One prepared request. `head` without the request line, with the blank line at its end."""

    head: bytes
    body: bytes


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What became of a run: `accepted` numbers in the order of their answers, other statuses counted."""

    accepted: list[int] = field(default_factory=list)
    refused: dict[int, int] = field(default_factory=dict)
    wall_s: float = 0.0
    cpu_s: float = 0.0
    waits_s: list[float] = field(default_factory=list)

    def percentile_ms(self, share: float) -> float:
        """Milliseconds from the first byte sent to the whole answer."""
        ordered = sorted(self.waits_s)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000 if ordered else 0.0


class _Line:
    """One connection with one request under way."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, timeout=_PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.number = -1
        self.sent_at = 0.0
        self._answer = b""

    def send(self, number: int, path: bytes, post: Post) -> None:
        self.number, self.sent_at = number, time.perf_counter()
        line = b"POST %s?n=%08d HTTP/1.1\r\n" % (path, number)
        size = self.socket.sendmsg((line, post.head, post.body))
        if size < len(line) + len(post.head) + len(post.body):
            self.socket.sendall((line + post.head + post.body)[size:])

    def receive(self) -> int:
        """The status once the answer is complete, else 0. Raises ConnectionError when the server hangs up."""
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the gateway closed a connection in the middle of a run")
        self._answer += data
        end = self._answer.find(b"\r\n\r\n")
        length = _LENGTH.search(self._answer, 0, end) if end > 0 else None
        if length is None or len(self._answer) < end + 4 + int(length[1]):
            return 0
        status, self._answer = int(self._answer[9:12]), b""
        return status


class Generator:
    """Sends `posts` in turn to `path` over `connections` sockets; numbers go on from run to run."""

    def __init__(self, address: tuple[str, int], path: str, posts: Sequence[Post], connections: int) -> None:
        self._path, self._posts = path.encode(), posts
        self._numbers: Iterator[int] = iter(range(100_000_000))
        self._lines = [_Line(address) for _ in range(connections)]

    def close(self) -> None:
        for line in self._lines:
            line.socket.close()

    def run(self, duration_s: float) -> Outcome:
        """Send for `duration_s`, then wait for the answers that are due. Raises TimeoutError, ConnectionError."""
        outcome = Outcome()
        cpu, started = time.process_time(), time.perf_counter()
        with selectors.DefaultSelector() as selector:
            for line in self._lines:
                selector.register(line.socket, selectors.EVENT_READ, line)
                self._next(line)
            self._answer_all(selector, outcome, started + duration_s)
        outcome.wall_s = time.perf_counter() - started
        outcome.cpu_s = time.process_time() - cpu
        return outcome

    def _answer_all(self, selector: selectors.BaseSelector, outcome: Outcome, end: float) -> None:
        due = len(self._lines)
        while due:
            ready = selector.select(_PATIENCE_S)
            if not ready:
                raise TimeoutError(f"{due} answers did not come within {_PATIENCE_S:g} s")
            now = time.perf_counter()
            for key, _ in ready:
                line: _Line = key.data
                status = line.receive()
                if not status:
                    continue
                self._count(outcome, line, status, now)
                if now < end:
                    self._next(line)
                else:
                    due -= 1

    def _count(self, outcome: Outcome, line: _Line, status: int, now: float) -> None:
        if 200 <= status < 300:
            outcome.accepted.append(line.number)
            outcome.waits_s.append(now - line.sent_at)
        else:
            outcome.refused[status] = outcome.refused.get(status, 0) + 1

    def _next(self, line: _Line) -> None:
        number = next(self._numbers)
        line.send(number, self._path, self._posts[number % len(self._posts)])
