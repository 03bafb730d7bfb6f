"""The stored events of a tenant that segments look at, as facts: what new segments are built from."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from schemas.segments.names import MAIL_PROPERTIES, METADATA
from sinks.clickhouse import translate
from streams.agents.segment_past import EVER, Row
from streams.core.segments.program import Program
from streams.core.segments.sql.facts import stored

_STORED = stored((*MAIL_PROPERTIES, METADATA))
_LOOKED_AT = f"""
SELECT recipient_key, event_id, name, at, if(has({{names:Array(String)}}, name), properties, ''),
    if({{traits:Bool}}, traits, '')
FROM
(
{_STORED}
)
WHERE at >= {{since:Int64}} AND (has({{names:Array(String)}}, name) OR ({{traits:Bool}} AND traits NOT IN ('', '{{}}')))
"""  # noqa: S608 - words of ours
_FIRST = f"""
SELECT recipient_key, event_id, '', at, '', ''
FROM
(
{stored(())}
)
ORDER BY recipient_key, at, event_id
LIMIT 2 BY recipient_key
"""  # noqa: S608 - as above
_SETTINGS = {"max_bytes_before_external_sort": 1 << 30, "max_bytes_before_external_group_by": 1 << 30}


def read_stored(connect: Callable[[], Client], tenant: str, program: Program, since: int) -> Iterator[Row]:
    """What the program looks at since then (ms), and of each recipient the two earliest facts without their names.

    Raises Transient when the store is away, Misconfigured when tables are missing.
    """
    given = {
        "tenant": tenant, "known": EVER, "names": sorted(program.names), "traits": bool(program.traits),
        "since": since,
    }  # fmt: skip
    client = connect()
    try:
        for query in (_LOOKED_AT, _FIRST):  # in this order: a fact that comes again says nothing
            with client.query_rows_stream(query, parameters=given, settings=_SETTINGS) as rows:
                yield from rows
    except ClickHouseError as error:
        raise translate(error, "reading stored events for new segments") from error
    finally:
        client.close()
