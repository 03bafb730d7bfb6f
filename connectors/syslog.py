"""Syslog lines as files hold them: when, who, what.

Times are RFC 3339 (rsyslog's default, `journalctl -o short-iso`) or the traditional "Jan  1 00:00:00" (RFC 3164),
which lacks year and zone: the zone is told by whoever sends the lines, the year is the one that puts the line
nearest before its receipt. So a traditional line must be read within the year.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from connectors.values import from_rfc3339

ZONE_HEADER = "x-log-zone"  # an IANA name ("Europe/Berlin") or an offset ("+01:00"); UTC if it is missing
_AHEAD = timedelta(days=1)  # how far a line's clock may be ahead of its receipt
_LINE = re.compile(
    r"(?:<\d{1,3}>)?"
    r"(?P<time>\d{4}-\d\d-\d\dT[0-9:.,]+(?:Z|[+-]\d\d:?\d\d)?|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) "
    r"(?:(?P<host>[^\s:\[\]]+) )?(?P<tag>[^\s\[\]:]+)(?:\[\d+\])?: (?P<text>.*)",
    re.DOTALL,
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")


class SyslogLine(NamedTuple):
    """One line: `time` as it is written, `tag` the program's name without its process id."""

    time: str
    tag: str
    text: str


def syslog_line(line: str) -> SyslogLine | None:
    """The line's parts; None if it is no syslog line."""
    found = _LINE.fullmatch(line)
    return SyslogLine(found["time"], found["tag"], found["text"]) if found else None


@lru_cache(maxsize=4096)  # a busy log has hundreds of lines a second
def time_of(written: str, zone: str, received_at: int) -> int:
    """The line's time in milliseconds; 0 if it is none. `received_at` (ms) decides the year where it is missing.

    Lines of one body share `received_at`, so what is remembered is used again.
    """
    if written[:1].isdigit():
        return from_rfc3339(written.replace(",", "."))
    received = datetime.fromtimestamp(received_at / 1000, UTC)
    for year in (received.year + 1, received.year, received.year - 1):
        moment = _traditional(written, year, _zone(zone))
        if moment is not None and moment <= received + _AHEAD:
            return int(moment.timestamp() * 1000)
    return 0


def _traditional(written: str, year: int, zone: tzinfo) -> datetime | None:
    try:
        hour, minute, second = (int(part) for part in written[7:].split(":"))
        return datetime(year, _MONTHS.index(written[:3]) + 1, int(written[4:6]), hour, minute, second, tzinfo=zone)
    except ValueError:  # 29 February, or no date at all
        return None


@lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo:
    if offset := _OFFSET.fullmatch(name):
        minutes = int(offset[2]) * 60 + int(offset[3])
        return timezone(timedelta(minutes=min(minutes, 1439) * (-1 if offset[1] == "-" else 1)))
    try:
        return ZoneInfo(name) if name else UTC
    except (OSError, ValueError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        return UTC
