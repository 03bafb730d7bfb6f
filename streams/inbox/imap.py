"""An IMAP folder (RFC 9051, RFC 3501): unseen mails are fetched without marking them, and marked once they are kept.

Kept mails are flagged \\Seen, or moved to another folder (RFC 6851) if one is configured; mails that can never be kept
are flagged \\Seen and \\Flagged. Mails are fetched by UID, which stays when others are removed. The connection stays
open between rounds and is made anew after an error. TLS certificates are checked.
"""

from __future__ import annotations

import contextlib
import imaplib
import re
import ssl
from collections.abc import Iterator
from typing import Any

from schemas.config import Inbox
from schemas.errors import Transient

_AT_ONCE = 200  # mails of one round
_TIMEOUT_S = 30.0
_SIZE = re.compile(rb"RFC822\.SIZE (\d{1,12})")
_PORTS = {"tls": 993, "starttls": 143, "none": 143}


class ImapFolder:
    """A `Box` on an IMAP server. `context` says whose certificates are trusted."""

    def __init__(self, of: Inbox, context: ssl.SSLContext | None = None) -> None:
        self._of = of
        self._context = context or ssl.create_default_context()
        self._open: imaplib.IMAP4 | None = None

    def waiting(self) -> list[str]:
        """UIDs of what is neither seen nor deleted."""
        with self._connected() as imap:
            imap.noop()  # tells the server to report what is new since the folder was selected
            found = self._done("SEARCH", imap.uid("SEARCH", "UNSEEN", "UNDELETED"))
        uids = b" ".join(part for part in found if isinstance(part, bytes)).split()
        return [uid.decode("ascii") for uid in uids[:_AT_ONCE] if uid.isdigit()]

    def read(self, name: str, limit: int) -> bytes:
        """The whole mail, or its first bytes if the server says that it is larger."""
        with self._connected() as imap:
            sizes = self._done("FETCH", imap.uid("FETCH", name, "(RFC822.SIZE)"))
            size = next((int(found[1]) for item in sizes if (found := _SIZE.search(_flat(item)))), 0)
            part = f"<0.{limit + 1}>" if size > limit else ""
            items = self._done("FETCH", imap.uid("FETCH", name, f"(BODY.PEEK[]{part})"))
        mail = next((item[1] for item in items if isinstance(item, tuple)), None)
        if not isinstance(mail, bytes):
            raise Transient(f"the IMAP server at {self._of.host} did not send a mail that it has listed")
        return mail

    def done(self, name: str) -> None:
        """Flag it as seen, or move it."""
        with self._connected() as imap:
            if not self._of.done_folder:
                self._done("STORE", imap.uid("STORE", name, "+FLAGS.SILENT", "(\\Seen)"))
            elif "MOVE" in imap.capabilities:
                self._done("MOVE", imap.uid("MOVE", name, _quoted(self._of.done_folder)))
            else:
                self._done("COPY", imap.uid("COPY", name, _quoted(self._of.done_folder)))
                self._done("STORE", imap.uid("STORE", name, "+FLAGS.SILENT", "(\\Seen \\Deleted)"))

    def put_aside(self, name: str) -> None:
        """Flag it for a person."""
        with self._connected() as imap:
            self._done("STORE", imap.uid("STORE", name, "+FLAGS.SILENT", "(\\Seen \\Flagged)"))

    def close(self) -> None:
        """Log out."""
        imap, self._open = self._open, None
        if imap is None:
            return
        try:
            imap.logout()
        except (imaplib.IMAP4.error, OSError):
            with contextlib.suppress(OSError):
                imap.shutdown()

    @contextlib.contextmanager
    def _connected(self) -> Iterator[imaplib.IMAP4]:
        """The selected folder; whatever fails is Transient, for another round on a new connection."""
        try:
            if self._open is None:
                self._open = self._select(self._connect())
            yield self._open
        except (imaplib.IMAP4.error, OSError, ValueError) as error:
            kind = type(error).__name__
            raise Transient(f"the IMAP folder {self._of.folder} at {self._of.host} cannot be read ({kind})") from None

    def _connect(self) -> imaplib.IMAP4:
        host, port = self._of.host, self._of.port or _PORTS[self._of.security]
        if self._of.security == "tls":
            return imaplib.IMAP4_SSL(host, port, ssl_context=self._context, timeout=_TIMEOUT_S)
        imap = imaplib.IMAP4(host, port, timeout=_TIMEOUT_S)
        if self._of.security == "starttls":
            imap.starttls(self._context)
        return imap

    def _select(self, imap: imaplib.IMAP4) -> imaplib.IMAP4:
        try:
            imap.login(self._of.user, self._of.password.get_secret_value())
            self._done("SELECT", imap.select(_quoted(self._of.folder)))
        except BaseException:
            with contextlib.suppress(imaplib.IMAP4.error, OSError):
                imap.shutdown()
            raise
        return imap

    @staticmethod
    def _done(command: str, answer: tuple[str, list[Any]]) -> list[Any]:
        status, items = answer
        if status != "OK":
            raise imaplib.IMAP4.error(f"{command} was refused")
        return items


def _flat(item: Any) -> bytes:
    return item[0] if isinstance(item, tuple) else item if isinstance(item, bytes) else b""


def _quoted(folder: str) -> str:
    escaped = folder.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
