"""One HTTP connection: requests to the application, answers out in their order, under bounds of time.

Requests may come before the answer to the last one; they are taken in order, and reading stops while one waits. What
is refused early is answered at once and the rest of its body thrown away. A connection that waits for its sender
costs no timer; only a request that has come in part does.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, cast

from streams.gateway.http import CONTINUE, Answer, Dates, Head, problem, render
from streams.gateway.parsing import Manner, RequestParser

_LINGER_S = 1.0  # how long the rest of a refused body is read and thrown away, so that the answer is seen


class Receiving(Protocol):
    """A request whose body is wanted. One of `answer`, `too_slow`, `abandon` ends it, or a refusal by `add`."""

    def add(self, chunk: bytes) -> Answer | None:
        """Take a part of the body; an answer when the request is refused for it, which ends it."""

    def too_slow(self) -> Answer:
        """The body has taken too long."""

    def abandon(self) -> None:
        """The sender is gone, or has sent what is no HTTP."""

    async def answer(self) -> Answer:
        """The body is complete. Never raises."""


class Application(Protocol):
    """What requests are for."""

    def begin(self, head: Head) -> Receiving | Answer:
        """A request's head is complete: an answer at once, or something that takes the body. Never raises or blocks."""


@dataclass(slots=True, kw_only=True)
class Shared:
    """What the connections of one server share. `receive_s`: how long one request may take to arrive."""

    app: Application
    dates: Dates
    receive_s: float
    loop: asyncio.AbstractEventLoop
    connections: set[Connection] = field(default_factory=set)
    is_closing: bool = False
    emptied: Callable[[], None] = lambda: None


class Connection(asyncio.Protocol):
    """The protocol object of one connection. Not thread-safe; everything happens in the event loop."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._transport: asyncio.Transport
        self._parser: RequestParser
        self._manner = Manner()
        self._current: Receiving | None = None  # whose body is coming in
        self._turns: deque[tuple[Receiving | Answer, Manner]] = deque()
        self._task: asyncio.Task[None] | None = None  # whose answer is being made
        self._timer: asyncio.TimerHandle | None = None
        self._is_ending = False  # the last answer is decided; whatever else comes is thrown away
        self._is_paused = False
        self._is_choked = False  # the sender does not read its answers
        self._has_eof = False
        self._idle_since = shared.loop.time()

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready to read."""
        self._transport = cast(asyncio.Transport, transport)  # other loops have transports of their own
        peer = transport.get_extra_info("peername")
        self._parser = RequestParser(self, str(peer[0]) if isinstance(peer, tuple) else "")
        self._shared.connections.add(self)
        if self._shared.is_closing:
            transport.close()

    def data_received(self, data: bytes) -> None:
        """Read requests as far as they go."""
        problem_met = self._parser.feed(data)
        if problem_met is not None:
            self._drop_current()
            self._line_up(problem_met, Manner(keep=False))
        self._watch()
        self._pump()

    def eof_received(self) -> bool:
        """Keep the way back open (True) while answers are due."""
        self._has_eof = True
        return not self._is_free()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - why does not matter
        """What is checked already is stored all the same; what is not is forgotten."""
        self._stop_timer()
        self._is_ending = True
        self._parser.stop()
        self._drop_current()
        for work, _ in self._turns:
            if not isinstance(work, Answer):
                work.abandon()
        self._turns.clear()
        if self._task is None:
            self._leave()

    def pause_writing(self) -> None:
        """The sender does not read: give it no further answers."""
        self._is_choked = True

    def resume_writing(self) -> None:
        """It reads again."""
        self._is_choked = False
        self._pump()

    # What the parser calls.

    def began(self, head: Head, manner: Manner) -> None:
        """A request's head."""
        if self._is_ending:
            return
        self._manner = manner
        work = self._shared.app.begin(head)
        if isinstance(work, Answer):
            self._line_up(work, manner)
            return
        self._current = work
        if "expect" in head.headers and head.headers["expect"].lower() == "100-continue" and self._is_free():
            self._transport.write(CONTINUE)

    def more(self, chunk: bytes) -> None:
        """A part of its body."""
        if self._current is not None and (refusal := self._current.add(chunk)) is not None:
            self._current = None
            self._line_up(refusal, self._manner)

    def completed(self) -> None:
        """The request is here as a whole."""
        if self._current is not None:
            work, self._current = self._current, None
            self._line_up(work, self._manner)

    # Time.

    def _watch(self) -> None:
        """After each read: what has begun must end in time."""
        if self._parser.is_receiving:
            if self._timer is None:
                self._timer = self._shared.loop.call_later(self._shared.receive_s, self._too_slow)
            return
        self._stop_timer()
        if self._is_ending and self._is_free():  # what was refused has been read to its end
            self._transport.close()

    def _too_slow(self) -> None:
        self._timer = None
        if self._is_paused:  # not the sender's fault
            self._watch()
        elif not self._is_ending:
            work, self._current = self._current, None
            message = "the request did not arrive in time"
            answer = work.too_slow() if work else problem(408, "request_timeout", message, should_close=True)
            self._line_up(answer, self._manner)
            self._pump()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # Answers, in the order of requests.

    def _is_free(self) -> bool:
        """No answer is due."""
        return self._task is None and not self._turns

    def _drop_current(self) -> None:
        if self._current is not None:
            self._current.abandon()
            self._current = None

    def _line_up(self, work: Receiving | Answer, manner: Manner) -> None:
        if self._is_ending:
            return
        if isinstance(work, Answer) and work.should_close:
            manner = manner._replace(keep=False)
        self._is_ending = not manner.keep
        self._turns.append((work, manner))

    def _pump(self) -> None:
        """Answer what can be answered; stop reading while complete requests wait."""
        while self._turns and self._task is None and not self._is_choked:
            work, manner = self._turns.popleft()
            if isinstance(work, Answer):
                self._write(work, manner)
            else:
                self._task = self._shared.loop.create_task(self._answer(work, manner))
        should_pause = bool(self._turns)
        if should_pause != self._is_paused and not self._transport.is_closing():
            self._is_paused = should_pause
            (self._transport.pause_reading if should_pause else self._transport.resume_reading)()

    async def _answer(self, work: Receiving, manner: Manner) -> None:
        answer = await work.answer()
        self._task = None
        if self._transport.is_closing():
            self._leave()
            return
        self._write(answer, manner)
        self._pump()

    def _write(self, answer: Answer, manner: Manner) -> None:
        if self._transport.is_closing():
            return
        is_last = not self._turns and (self._has_eof or self._shared.is_closing)
        keep = manner.keep and not is_last
        connection = (b"keep-alive" if manner.echo else b"") if keep else b"close"
        self._transport.write(render(answer, self._shared.dates.now(), is_head=manner.is_head, connection=connection))
        self._idle_since = self._shared.loop.time()
        if not keep:
            self._end()

    # The end.

    def _end(self) -> None:
        """Close; but while a body is still coming, read it for a moment, or the sender would miss the answer."""
        self._is_ending = True
        self._drop_current()
        if self._parser.is_receiving and not self._has_eof:
            self._shared.loop.call_later(_LINGER_S, self._transport.close)
        else:
            self._transport.close()

    def close_if_idle(self, idle_for_s: float = 0.0) -> None:
        """Close when no request is under way and none was for so long."""
        is_idle = self._is_free() and not self._parser.is_receiving
        if is_idle and self._shared.loop.time() - self._idle_since >= idle_for_s:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    def _leave(self) -> None:
        self._shared.connections.discard(self)
        if not self._shared.connections:
            self._shared.emptied()
