"""What rows about standing share, whoever reports them: whose they are, their ids, days as spans of time.

An id is made of whom, what and when a figure is about, never of the figure: providers correct the last days, and the
newer answer shall replace the older.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from connectors.base import Context, ParseResult
from schemas.identity import digest
from schemas.reports import StandingReport, Unit

DAY_MS = 86_400_000


def day_begins(year: int, month: int, day: int) -> int:
    """Milliseconds of the day's first moment in UTC; 0 if there is no such day."""
    try:
        return max(0, int(datetime(year, month, day, tzinfo=UTC).timestamp()) * 1000)
    except (ValueError, OverflowError):
        return 0


def day_written(text: str) -> int:
    """`day_begins` of an ISO date; 0 if it is none."""
    try:
        found = date.fromisoformat(text[:10])
    except ValueError:
        return 0
    return day_begins(found.year, found.month, found.day)


def row(context: Context, provider: str, metric: str, begins_at: int) -> StandingReport:
    """A row about one day, without its figure."""
    return StandingReport(
        event_id="",
        tenant=context.tenant,
        source=context.source,
        provider=provider,
        received_at=context.received_at,
        metric=metric,
        begins_at=begins_at,
        ends_at=begins_at + DAY_MS - 1,
    )


def counted(made: StandingReport, number: int) -> StandingReport:
    """The row with a count."""
    made.unit, made.value = Unit.COUNT.value, float(number)
    return made


def shared(made: StandingReport, share: float) -> StandingReport:
    """The row with a share of 0 to 1."""
    made.unit, made.value = Unit.SHARE.value, share
    return made


def worded(made: StandingReport, text: str, detail: str = "") -> StandingReport:
    """The row with a verdict."""
    made.unit, made.text, made.detail = Unit.WORD.value, text, detail
    return made


def add_row(result: ParseResult, made: StandingReport) -> None:
    """Append the row under its id and its running index."""
    made.raw_index = len(result.events)
    made.event_id = digest(
        made.tenant, "standing", made.provider, made.domain, made.sending_ip, made.metric, made.begins_at
    )
    result.events.append(made)
