"""A Maildir: new mails are files in `new/`; what is kept moves to `cur/` as seen, what is put aside as flagged.

One writer of a mailbox may be an MTA, another this: a rename is all it takes (Bernstein, "Using maildir format").
"""

from __future__ import annotations

import os
from pathlib import Path

from schemas.errors import Transient

_AT_ONCE = 500  # names of one round
_KEPT, _ASIDE = ":2,S", ":2,F"


class Maildir:
    """A `Box` on this machine's disk."""

    def __init__(self, folder: Path) -> None:
        self._new, self._cur = folder / "new", folder / "cur"

    def waiting(self) -> list[str]:
        """Names in `new/`, oldest first."""
        try:
            with os.scandir(self._new) as entries:
                names = [entry.name for entry in entries if not entry.name.startswith(".")]
        except OSError as error:
            raise Transient(f"{self._new} cannot be read ({error.strerror})") from None
        return sorted(names)[:_AT_ONCE]  # names begin with the time of delivery

    def read(self, name: str, limit: int) -> bytes:
        """At most one byte more than `limit`."""
        try:
            with (self._new / name).open("rb") as file:
                return file.read(limit + 1)
        except OSError as error:
            raise Transient(f"a mail in {self._new} cannot be read ({error.strerror})") from None

    def done(self, name: str) -> None:
        """Move it to `cur/`, seen."""
        self._move(name, _KEPT)

    def put_aside(self, name: str) -> None:
        """Move it to `cur/`, flagged."""
        self._move(name, _ASIDE)

    def close(self) -> None:
        """Nothing is open."""

    def _move(self, name: str, flags: str) -> None:
        try:
            (self._new / name).rename(self._cur / (name.partition(":")[0] + flags))
        except FileNotFoundError as error:
            if not self._cur.is_dir():
                raise Transient(f"{self._cur} is missing; a Maildir has new, cur and tmp") from error
        except OSError as error:
            raise Transient(f"a mail cannot be moved to {self._cur} ({error.strerror})") from None
