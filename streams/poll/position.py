"""When a source was asked last, so that a restart does not ask again; and the refresh token that replaced an older.

One small file per source, readable by its owner only, put in the place of the old one as a whole (rename(2)). Losing it
costs one more round, whose rows have the same ids; and, where a provider replaces refresh tokens at each use, perhaps a
new sign-in.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from schemas.errors import Misconfigured
from schemas.identity import digest


class Position(msgspec.Struct, frozen=True):
    """`asked_at`: milliseconds since the epoch of the last whole round, 0 for never.

    `refresh_token` took the place of the configured one whose hash is `instead_of`.
    """

    asked_at: int = 0
    refresh_token: str = ""
    instead_of: str = ""


class PositionFile:
    """The position of one source."""

    def __init__(self, folder: Path, source: str) -> None:
        self.path = folder / f"{source}.json"

    def load(self) -> Position:
        """The position that was saved last. Raises Misconfigured when it cannot be read."""
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=Position)
        except FileNotFoundError:
            return Position()
        except (OSError, msgspec.MsgspecError):
            raise Misconfigured(f"{self.path}: not readable; delete it to ask for everything again") from None

    def save(self, position: Position) -> None:
        """On the disk before this returns. Raises Misconfigured when the folder cannot be written."""
        new = self.path.with_suffix(".new")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(msgspec.json.encode(position))
                file.flush()
                os.fsync(file.fileno())
            new.replace(self.path)
        except OSError as error:
            raise Misconfigured(f"{self.path}: cannot be written ({error.strerror}); see MAILWEIR_DATA") from None


def current(credentials: dict[str, str], position: Position) -> dict[str, str]:
    """The credentials with the newest refresh token. A configured one that is new counts more than a saved one."""
    given = credentials.get("refresh_token", "")
    if position.refresh_token and position.instead_of == digest(given):
        return {**credentials, "refresh_token": position.refresh_token}
    return credentials


def renewed(credentials: dict[str, str], position: Position, refresh_token: str) -> Position:
    """The position once `refresh_token` has replaced what `credentials` were configured with."""
    if not refresh_token:
        return position
    instead_of = digest(credentials.get("refresh_token", ""))
    return msgspec.structs.replace(position, refresh_token=refresh_token, instead_of=instead_of)
