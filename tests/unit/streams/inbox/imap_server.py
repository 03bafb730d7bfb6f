"""A small IMAP server (RFC 3501, RFC 6851) over a socket with TLS: one folder, and what a reader asks of it."""

from __future__ import annotations

import datetime
import re
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Mailbox:
    """What the server has. `mails`: bytes and flags by UID; `commands`: what it was asked, without arguments."""

    mails: dict[int, tuple[bytes, set[str]]] = field(default_factory=dict)
    moved: dict[str, list[bytes]] = field(default_factory=dict)
    capabilities: str = "IMAP4rev1 MOVE"
    password: str = "s3cret pass"
    broken: set[int] = field(default_factory=set)
    commands: list[str] = field(default_factory=list)
    logins: int = 0
    hangs_up_at: str = ""

    def add(self, mail: bytes) -> int:
        uid = max(self.mails, default=100) + 1
        self.mails[uid] = (mail, set())
        return uid

    def flags(self, uid: int) -> set[str]:
        return self.mails[uid][1]


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        self.wfile.write(b"* OK ready\r\n")
        while line := self.rfile.readline():
            tag, _, rest = line.decode().rstrip("\r\n").partition(" ")
            words = rest.split(" ")
            verb = " ".join(words[:2]).upper() if words[0].upper() == "UID" else words[0].upper()
            box = self.server.box
            box.commands.append(verb)
            if verb == box.hangs_up_at:
                box.hangs_up_at = ""
                return
            answer = self._answer(box, verb, rest)
            self.wfile.write(f"{tag} {answer}\r\n".encode())
            if verb == "LOGOUT":
                return

    def _answer(self, box: Mailbox, verb: str, rest: str) -> str:
        if verb == "CAPABILITY":
            self._say(f"CAPABILITY {box.capabilities}")
        elif verb == "LOGIN":
            if rest != f'LOGIN reader "{box.password}"':
                return "NO wrong"
            box.logins += 1
        elif verb == "SELECT":
            if rest != 'SELECT "Bounces"':
                return "NO no such folder"
            self._say(f"{len(box.mails)} EXISTS")
        elif verb == "UID SEARCH":
            wanted = [str(uid) for uid, (_, flags) in box.mails.items() if not flags & {"\\Seen", "\\Deleted"}]
            self._say(f"SEARCH {' '.join(wanted)}".rstrip())
        elif verb == "UID FETCH":
            return self._fetch(box, int(rest.split(" ")[2]), rest)
        elif verb in {"UID STORE", "UID MOVE", "UID COPY"}:
            self._change(box, verb, int(rest.split(" ")[2]), rest)
        elif verb == "LOGOUT":
            self._say("BYE")
        return "OK done"

    def _fetch(self, box: Mailbox, uid: int, rest: str) -> str:
        if uid not in box.mails or uid in box.broken:
            return "NO cannot"
        mail, _ = box.mails[uid]
        if "RFC822.SIZE" in rest:
            self._say(f"1 FETCH (UID {uid} RFC822.SIZE {len(mail)})")
        else:
            part = re.search(r"BODY\.PEEK\[\](?:<0\.(\d+)>)?", rest)
            assert part, "only PEEK leaves a mail unseen"
            mail = mail[: int(part[1])] if part[1] else mail
            self.wfile.write(f"* 1 FETCH (UID {uid} BODY[] {{{len(mail)}}}\r\n".encode() + mail + b")\r\n")
        return "OK done"

    @staticmethod
    def _change(box: Mailbox, verb: str, uid: int, rest: str) -> None:
        if verb == "UID STORE":
            box.flags(uid).update(re.findall(r"\\\w+", rest))
            return
        box.moved.setdefault(rest.split('"')[1], []).append(box.mails[uid][0])
        if verb == "UID MOVE":
            del box.mails[uid]

    def _say(self, line: str) -> None:
        self.wfile.write(f"* {line}\r\n".encode())


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    box: Mailbox
    tls: ssl.SSLContext

    def get_request(self) -> tuple[ssl.SSLSocket, tuple[str, int]]:
        connection, address = super().get_request()
        return self.tls.wrap_socket(connection, server_side=True), address

    def handle_error(self, request: object, client_address: object) -> None:
        """A reader that hangs up, or does not trust the certificate, is no news."""


def certificate(folder: Path) -> Path:
    """A self-signed certificate for localhost with its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    path = folder / "localhost.pem"
    path.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + made.public_bytes(pem))
    return path


@contextmanager
def imap_server(box: Mailbox, pem: Path) -> Iterator[int]:
    """The server on a free port."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pem)
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.box, server.tls = box, tls
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()
