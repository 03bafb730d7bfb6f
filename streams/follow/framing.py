"""Lines as a body that can be read alone, for what each format needs: a header line, or earlier lines.

Without a frame of its own a provider's lines are a body as they are (JSON, one object per line).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple, Protocol

from connectors.postfix_lines import CONTEXT_HEADER
from connectors.powermta import FIRST_COLUMN
from connectors.syslog import ZONE_HEADER
from streams.follow.context import Context
from streams.follow.logfile import LogFile

_LOOK_BACK_BYTES = 4 * 1024 * 1024  # some 20,000 lines that a fresh process reads again to know what they explain


class Body(NamedTuple):
    """What the connector will read, with the request headers that belong to it."""

    data: bytes
    headers: dict[str, str]


class Frame(Protocol):
    """Makes bodies of the lines of one log, in their order. Has a memory; not thread-safe."""

    def begin(self, file: LogFile) -> None:
        """Reading goes on in `file` at its offset. May read it; raises OSError."""

    def body(self, lines: bytes) -> Body:
        """The body of the next lines of that file."""


class Lines:
    """Lines as they are."""

    def begin(self, file: LogFile) -> None:
        """Nothing to know."""

    def body(self, lines: bytes) -> Body:
        """The lines."""
        return Body(lines, {"content-type": "text/plain"})


class HeaderLine:
    """CSV: the last line that named the columns stands in front of every body. Lines of JSON are left as they are."""

    def __init__(self, first_column: str) -> None:
        self._mark = first_column.encode() + b","
        self._header = b""

    def begin(self, file: LogFile) -> None:
        """Find the header line of a file that is read from further on."""
        self._header = self._last_in(file.before(_LOOK_BACK_BYTES)) or self._last_in(file.first_line())

    def body(self, lines: bytes) -> Body:
        """The lines after the header line."""
        header = b"" if lines.startswith(self._mark) else self._header
        self._header = self._last_in(lines) or self._header
        return Body(header + lines, {"content-type": "text/csv"})

    def _last_in(self, lines: bytes) -> bytes:
        """The last header line with its end; b"" if there is none."""
        start = (b"\n" + lines).rfind(b"\n" + self._mark)
        return lines[start : lines.find(b"\n", start) + 1] if start >= 0 else b""


class PostfixLog:
    """Postfix's log: the earlier lines that explain a batch stand in front of it.

    `zone`: of times without one; "" for the zone that this machine has now.
    """

    def __init__(self, zone: str, clock_ms: Callable[[], int]) -> None:
        self._zone, self._clock_ms, self._context = zone, clock_ms, Context()

    def begin(self, file: LogFile) -> None:
        """Learn from the lines before the offset."""
        self._context.before(file.before(_LOOK_BACK_BYTES))

    def body(self, lines: bytes) -> Body:
        """The lines with those that explain them."""
        explaining = self._context.before(lines)
        headers = {
            "content-type": "text/plain",
            ZONE_HEADER: self._zone or _local_offset(self._clock_ms()),
            CONTEXT_HEADER: str(len(explaining)),
        }
        return Body(b"".join(explaining) + lines, headers)


def frame_of(provider: str, zone: str, clock_ms: Callable[[], int]) -> Frame:
    """The frame that the provider's lines need."""
    if provider == "powermta":
        return HeaderLine(FIRST_COLUMN)
    return PostfixLog(zone, clock_ms) if provider == "postfix" else Lines()


def _local_offset(now_ms: int) -> str:
    """The machine's offset from UTC at that moment, as "+0100"."""
    return datetime.fromtimestamp(now_ms / 1000).astimezone().strftime("%z")
