"""What a folder of rows says of itself, and when that is not to be trusted.

Written in the same batch as the rows it vouches for.
"""

from __future__ import annotations

import msgspec

KEEP_MS = 12 * 3_600_000  # Kafka keeps tombstones 24 h (delete.retention.ms); half, for clocks and long restores
_SKEW_MS = 60_000


class Stand(msgspec.Struct, frozen=True):
    """A folder holds all of changelog `log_id` below `changelog_next`, with the last marker in it."""

    log_id: str
    changelog_next: int
    marker: bytes | None
    written_ms: int  # no tombstone at or behind `changelog_next` is older than that
    form: str  # of the rows and their order

    def encode(self) -> bytes:
        """As it is kept."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def decode(cls, stored: bytes) -> Stand:
        """What was kept; nobody's stand when another version wrote something else."""
        try:
            return msgspec.msgpack.decode(stored, type=cls)
        except msgspec.DecodeError:
            return cls("", 0, None, 0, "unknown")

    def distrust(self, log_id: str, form: str, now_ms: int) -> str:
        """Why the folder cannot be used, "" if it can. `now_ms`: wall time."""
        if self.form != form:
            return f"its rows have form {self.form!r}, not {form!r}"
        if self.log_id != log_id:
            return "it belongs to a changelog that was deleted"
        if not -_SKEW_MS <= now_ms - self.written_ms <= KEEP_MS:
            return "it was written too long ago to trust the log's tombstones"
        return ""
