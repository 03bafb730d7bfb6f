"""Days of the year in a time zone: is it one of those around a date, and at which instant does that change?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import NamedTuple

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_DAY = timedelta(days=1)


class Zone(NamedTuple):
    """A time zone, for days instead of instants."""

    zone: tzinfo

    def today(self, now_ms: int) -> date:
        """The day that it is there."""
        return (_EPOCH + now_ms * _MS).astimezone(self.zone).date()

    def begin(self, day: date) -> int:
        """The instant at which a day begins there; where clocks skip midnight, that of the change."""
        return (datetime(day.year, day.month, day.day, tzinfo=self.zone) - _EPOCH) // _MS


def next_flip(month: int, day: int, before: int, after: int, zone: Zone, now_ms: int) -> tuple[bool, int]:
    """Whether today is from `before` days ahead of the day to `after` days behind it, and when that may change next."""
    today = zone.today(now_ms)
    spans = [(each - before * _DAY, each + (after + 1) * _DAY) for each in _near(month, day, today.year)]
    change = min(bound for span in spans for bound in span if bound > today)
    return any(first <= today < end for first, end in spans), zone.begin(change)


def _near(month: int, day: int, year: int) -> Iterator[date]:
    """The day in the last year, in this and in the next two; 29 February is the 28th where there is none."""
    for each in range(max(year - 1, 1), year + 3):
        try:
            yield date(each, month, day)
        except ValueError:
            yield date(each, 2, 28)
