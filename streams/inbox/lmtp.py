"""LMTP (RFC 2033): an MTA hands over mails and is told for each recipient whether the log has it.

The last hop before mailweir: Postfix, Exim, Halon or KumoMTA deliver here and keep a mail in their queue until it is
answered 250. It is no server for the internet: it asks nobody who they are, so it belongs on a loopback address or a
Unix socket. Like every final delivery it writes the return path and the recipients on top of the mail (RFC 5321
section 4.4). A mail ends with CR LF . CR LF and nothing else, so no second mail can be smuggled within one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from dataclasses import dataclass, field
from pathlib import Path

from schemas.errors import Permanent, Transient
from streams.inbox.keeper import Keeper

LOG = logging.getLogger(__name__)
_LONGEST_LINE = 256 * 1024  # bytes; RFC 5321 allows 1,000
_LONGEST_COMMAND = 4_096
_MOST_RECIPIENTS = 100
_MOST_SESSIONS = 64
_DATA_AT_ONCE = 4  # mails held in memory
_PATIENCE_S = 300.0  # for a command or a part of a mail (RFC 5321 section 4.5.3.2)
_PATH = re.compile(rb"^(?:FROM|TO):\s*<([^<>\r\n]{0,1000})>(?:\s+(.*))?$", re.IGNORECASE)
_SIZE = re.compile(rb"(?:^|\s)SIZE=(\d{1,15})(?:\s|$)", re.IGNORECASE)


@dataclass(slots=True)
class _Envelope:
    sender: bytes | None = None
    recipients: list[bytes] = field(default_factory=list)

    def clear(self) -> None:
        self.sender = None
        self.recipients = []


class LmtpServer:
    """One address where mails of one source are taken."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._server: asyncio.Server | None = None
        self._sessions: set[asyncio.Task[None]] = set()
        self._data = asyncio.Semaphore(_DATA_AT_ONCE)

    async def open(self) -> int:
        """Listen; the port, 0 for a Unix socket. Raises OSError when the address cannot be had."""
        of = self._keeper.source.inbox
        if of.path:
            await asyncio.to_thread(_forget_socket, Path(of.path))
            self._server = await asyncio.start_unix_server(self._accept, of.path, limit=_LONGEST_LINE)
            return 0
        self._server = await asyncio.start_server(self._accept, of.host, of.port, limit=_LONGEST_LINE)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Take no more; sessions end, and who waits for an answer to a mail sends it again."""
        if self._server is not None:
            self._server.close()
        for session in list(self._sessions):
            session.cancel()
        if self._sessions:
            await asyncio.wait(self._sessions)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        self._sessions.add(task)
        try:
            if len(self._sessions) > _MOST_SESSIONS:
                writer.write(b"421 4.3.2 too many sessions; come back later\r\n")
            else:
                await _Session(reader, writer, self._keeper, self._data).run()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # it has gone, or speaks no LMTP; what was not answered is still its mail
        except asyncio.CancelledError:
            writer.write(b"421 4.3.2 shutting down\r\n")
        finally:
            self._sessions.discard(task)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


class _Session:
    """One connection."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, keeper: Keeper, data: asyncio.Semaphore
    ) -> None:
        self._reader, self._writer, self._keeper, self._data = reader, writer, keeper, data
        self._envelope = _Envelope()
        self._is_greeted = False

    async def run(self) -> None:
        """Until QUIT or the end of the connection."""
        self._say("220 mailweir LMTP")
        while True:
            await self._writer.drain()
            line = (await self._line()).rstrip(b"\r\n")
            word, _, rest = line[:_LONGEST_COMMAND].partition(b" ")
            verb = word.upper().decode("ascii", "replace")
            if verb == "QUIT":
                self._say("221 2.0.0 bye")
                await self._writer.drain()
                return
            if verb == "DATA":
                await self._take()
                continue
            answer = {"LHLO": self._lhlo, "MAIL": self._mail, "RCPT": self._rcpt, "RSET": self._rset}.get(verb)
            if answer is not None:
                answer(rest.strip())
            elif verb in {"NOOP", "VRFY"}:
                self._say("250 2.0.0 fine" if verb == "NOOP" else "252 2.5.0 send mail and see")
            else:
                self._say("500 5.5.1 this is LMTP; begin with LHLO")

    def _lhlo(self, name: bytes) -> None:
        if not name:
            self._say("501 5.5.4 LHLO needs a name")
            return
        self._is_greeted = True
        self._envelope.clear()
        offers = ("mailweir", "PIPELINING", "ENHANCEDSTATUSCODES", "8BITMIME", "SMTPUTF8")
        for offer in offers:
            self._say(f"250-{offer}")
        self._say(f"250 SIZE {self._keeper.max_mail_bytes}")

    def _mail(self, rest: bytes) -> None:
        path = _PATH.match(rest)
        size = _SIZE.search(path[2] or b"") if path else None
        if not self._is_greeted or self._envelope.sender is not None:
            self._say("503 5.5.1 not now")
        elif path is None:
            self._say("501 5.5.4 expected MAIL FROM:<address>")
        elif size is not None and int(size[1]) > self._keeper.max_mail_bytes:
            self._say("552 5.3.4 larger than mailweir takes")
        else:
            self._envelope.sender = path[1]
            self._say("250 2.1.0 go on")

    def _rcpt(self, rest: bytes) -> None:
        path = _PATH.match(rest)
        if self._envelope.sender is None:
            self._say("503 5.5.1 MAIL comes first")
        elif path is None or not path[1]:
            self._say("501 5.5.4 expected RCPT TO:<address>")
        elif len(self._envelope.recipients) == _MOST_RECIPIENTS:
            self._say("452 4.5.3 too many recipients for one mail")
        else:
            self._envelope.recipients.append(path[1])
            self._say("250 2.1.5 go on")

    def _rset(self, _rest: bytes) -> None:
        self._envelope.clear()
        self._say("250 2.0.0 forgotten")

    async def _take(self) -> None:
        """DATA: one mail, one answer for each of its recipients."""
        recipients = self._envelope.recipients
        if not recipients:
            self._say("503 5.5.1 RCPT comes first")
            return
        async with self._data:
            self._say("354 end with <CR><LF>.<CR><LF>")
            await self._writer.drain()
            answer = await self._kept(await self._body())
        for _ in recipients:
            self._say(answer)
        self._envelope.clear()

    async def _kept(self, mail: bytes) -> str:
        try:
            await self._keeper.keep(mail)
        except Transient as error:
            LOG.warning("source %s: a mail was put off: %s", self._keeper.source.name, error)
            return "451 4.3.0 not taken now; send it again later"
        except Permanent as error:
            LOG.warning("source %s: a mail was refused: %s", self._keeper.source.name, error)
            return "552 5.3.4 larger than mailweir takes"
        return "250 2.0.0 kept"

    async def _body(self) -> bytes:
        """The mail under its trace lines; more than the limit is read to its end and not held."""
        lines = [b"Return-Path: <" + (self._envelope.sender or b"") + b">\r\n"]
        lines += [b"Delivered-To: <" + recipient + b">\r\n" for recipient in self._envelope.recipients]
        size, limit = sum(map(len, lines)), self._keeper.max_mail_bytes
        while (line := await self._line()) != b".\r\n":
            size += len(line)
            if size <= limit + _LONGEST_LINE:  # one line too many says that it is too large
                lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)

    async def _line(self) -> bytes:
        async with asyncio.timeout(_PATIENCE_S):
            return await self._reader.readuntil(b"\r\n")

    def _say(self, line: str) -> None:
        self._writer.write(f"{line}\r\n".encode("ascii", "replace"))


def _forget_socket(path: Path) -> None:
    """Remove the socket of a process that was killed; what is no socket stays, and listening fails."""
    if path.is_socket():
        path.unlink(missing_ok=True)
