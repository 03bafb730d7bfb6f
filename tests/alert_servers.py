"""Servers that alerts are sent to in tests: HTTP/1.1 that answers as it is told, and SMTP after RFC 5321."""

from __future__ import annotations

import asyncio
import base64
import datetime
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


@dataclass(slots=True)
class ChatServer:
    """Answers one request after the other with `answers` (status, headers), the last one for ever; None: silence."""

    answers: list[tuple[int, Mapping[str, str]] | None]
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.requests.append((first, headers, body))
        answer = self.answers[min(len(self.requests), len(self.answers)) - 1]
        if answer is None:  # it took the request in, and its answer is lost
            return
        status, extra = answer
        lines = [
            f"HTTP/1.1 {status} X",
            "content-length: 2",
            "connection: close",
            *(f"{k}: {v}" for k, v in extra.items()),
        ]
        writer.write(("\r\n".join(lines) + "\r\n\r\nok").encode())
        await writer.drain()


@asynccontextmanager
async def chat_server(*answers: tuple[int, Mapping[str, str]] | None) -> AsyncIterator[ChatServer]:
    """A server on a free port of this machine."""
    server = ChatServer(answers=list(answers))
    async with _listening(server.serve, None) as port:
        server.url = f"http://127.0.0.1:{port}/services/T0/B0/very-secret"
        yield server


@dataclass(slots=True)
class SmtpServer:
    """Takes mails. `replies`: what a command is answered instead of the usual, by verb or by whole line."""

    replies: Mapping[str, str] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    is_tls_at_once: bool = False
    login: str = ""  # user:password, "" for none
    mails: list[tuple[str, list[str], bytes]] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    was_encrypted: list[bool] = field(default_factory=list)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One session."""
        self._say(writer, self.replies.get("greeting", "220 mail.example ESMTP"))
        sender, recipients, is_known = "", list[str](), not self.login
        while line := (await reader.readline()).decode().rstrip("\r\n"):
            verb = line.split(" ", 1)[0].upper()
            self.seen.append(verb)
            special = self.replies.get(verb + line[len(verb) :]) or self.replies.get(verb)
            if special:
                self._say(writer, special)
            elif verb == "EHLO":
                offers = ["mail.example", "SIZE 1000000"]
                is_plain = writer.get_extra_info("ssl_object") is None
                offers += ["STARTTLS"] if self.tls and is_plain and not self.is_tls_at_once else []
                offers += ["AUTH PLAIN"] if self.login else []
                for offer in offers[:-1]:
                    self._say(writer, f"250-{offer}")
                self._say(writer, f"250 {offers[-1]}")
            elif verb == "STARTTLS" and self.tls:
                self._say(writer, "220 go ahead")
                await writer.drain()
                await writer.start_tls(self.tls)
            elif verb == "AUTH":
                given = base64.b64decode(line.split(" ")[2]).decode().split("\0")
                is_known = ":".join(given[1:]) == self.login
                self._say(writer, "235 2.7.0 welcome" if is_known else "535 5.7.8 authentication failed")
            elif verb == "MAIL":
                sender = line.partition("<")[2].partition(">")[0]
                self._say(writer, "250 2.1.0 ok" if is_known else "530 5.7.0 authentication required")
            elif verb == "RCPT":
                recipients.append(line.partition("<")[2].partition(">")[0])
                self._say(writer, "250 2.1.5 ok")
            elif verb == "DATA":
                self._say(writer, "354 go on")
                await writer.drain()
                content = await reader.readuntil(b"\r\n.\r\n")
                self.mails.append((sender, recipients, content[:-3].replace(b"\r\n..", b"\r\n.")))
                self.was_encrypted.append(writer.get_extra_info("ssl_object") is not None)
                self._say(writer, self.replies.get("mail", "250 2.0.0 Ok: queued"))
            else:
                self._say(writer, "250 2.0.0 ok")
            await writer.drain()

    def _say(self, writer: asyncio.StreamWriter, line: str) -> None:
        writer.write(f"{line}\r\n".encode())


@asynccontextmanager
async def smtp_server(server: SmtpServer) -> AsyncIterator[SmtpServer]:
    """`server` on a free port of this machine."""
    async with _listening(server.serve, server.tls if server.is_tls_at_once else None) as port:
        server.port = port
        yield server


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def _listening(serve: Serve, tls: ssl.SSLContext | None) -> AsyncIterator[int]:
    """Serve on a free port; at the end no session and no socket is left."""
    sessions: set[asyncio.Task[None]] = set()

    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (OSError, EOFError, asyncio.CancelledError):
            pass  # the client has gone, or the test is over
        finally:
            writer.close()
            with suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(session(reader, writer))
        sessions.add(task)
        task.add_done_callback(sessions.discard)

    listener = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        if sessions:
            _, open_ones = await asyncio.wait(sessions, timeout=1)
            for task in open_ones:
                task.cancel()
            await asyncio.gather(*open_ones)
        await listener.wait_closed()


def certificate(folder: Path, name: str = "localhost") -> tuple[ssl.SSLContext, Callable[[], ssl.SSLContext]]:
    """A server's TLS settings under a new certificate for `name`, and those of a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(Encoding.PEM)
    chain = folder / f"{name}.pem"
    chain.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain)
    return server, lambda: ssl.create_default_context(cadata=pem.decode())
