"""Until when is it quiet? Hours of a day in a time zone, as instants, so that clock changes do no harm.

A day's quiet begins at the first instant at which the zone's clocks show `start` and ends at the first one at which
they show `end`. Where the clocks jump over a time, the instant counts that it would have been without the jump
(PEP 495, fold 0).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from schemas.policy import QuietHours


def quiet_until(hours: QuietHours | None, at_ms: int) -> int:
    """When the quiet in which `at_ms` falls ends (ms); 0 if it is not quiet. `start` = `end` is never quiet."""
    if hours is None or hours.start == hours.end:
        return 0
    zone = ZoneInfo(hours.zone)
    today = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).date()
    for day in (today - timedelta(days=1), today):
        start = _instant(day, hours.start, zone)
        end = _instant(day + timedelta(days=hours.end < hours.start), hours.end, zone)
        if start <= at_ms < end:
            return end
    return 0


def _instant(day: date, clock: str, zone: ZoneInfo) -> int:
    return int(datetime.combine(day, time.fromisoformat(clock), zone).timestamp()) * 1000
