"""What an IP sent on each day and how bad it was: the store's answer from which a warm-up is replayed.

Sent is what got a final answer, by event time; a deferral is no message more. The level of a day is the worst that
any score of the IP, alone or at a mailbox provider, had on it; scores are kept for 90 days, so an older day counts as
healthy.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from schemas.aggregates import RANK, Level
from sinks.clickhouse import translate

_SENT = """
WITH hours AS (
    SELECT
        toStartOfHour(minute) AS hour,
        sum(delivered + bounced_address + bounced_block + bounced_content + bounced_other) AS messages
    FROM partials
    WHERE tenant = {tenant:String} AND kind = 'ip' AND key = {ip:String} AND minute >= {since:Date}
    GROUP BY hour
)
SELECT toDate(hour) AS day, sum(messages) AS sent, max(messages) AS busiest_hour
FROM hours
GROUP BY day
ORDER BY day
"""
_LEVELS = """
SELECT toDate(as_of) AS day, groupUniqArray(level) AS levels
FROM scores
WHERE tenant = {tenant:String} AND as_of >= {since:Date}
  AND ((kind = 'ip' AND key = {ip:String}) OR (kind = 'ip_provider' AND startsWith(key, concat({ip:String}, '|'))))
GROUP BY day
ORDER BY day
"""


class DayRow(NamedTuple):
    """One day (UTC) on which something is known of an IP."""

    on: date
    sent: int
    busiest_hour: int
    level: Level


def days_of(client: Client, tenant: str, ip: str, since: date) -> list[DayRow]:
    """Days from `since` on, in order. Raises Transient or Misconfigured when the store has no answer."""
    asked = {"tenant": tenant, "ip": ip, "since": since.isoformat()}
    try:
        sent = {day: (int(total), int(most)) for day, total, most in client.query(_SENT, asked).result_rows}
        levels = {day: _worst(names) for day, names in client.query(_LEVELS, asked).result_rows}
    except ClickHouseError as error:
        raise translate(error, f"asking what {ip} sent") from error
    return [
        DayRow(day, *sent.get(day, (0, 0)), levels.get(day, Level.HEALTHY))
        for day in sorted(sent.keys() | levels.keys())
    ]


def _worst(names: list[str]) -> Level:
    return max((Level(name) for name in names), key=RANK.__getitem__)
