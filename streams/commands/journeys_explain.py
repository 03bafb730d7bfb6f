"""`mailweir journeys explain`: what journeys did with one recipient, run by run, out of the stored steps."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any, TextIO

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from schemas.errors import MailweirError
from sinks.clickhouse import translate

MOST_RUNS = 50  # the newest are shown
_COLUMNS = ("journey_id", "run_id", "version", "number", "kind", "outcome", "place", "at", "cause", "key", "data")
_STEPS = f"""
SELECT {", ".join(_COLUMNS).replace("at,", "toUnixTimestamp64Milli(at) AS at_ms,")}
FROM mailweir.journey_steps FINAL
WHERE tenant = {{tenant:String}} AND recipient_key = {{recipient:String}}
    AND ({{journey:String}} = '' OR journey_id = {{journey:String}})
    AND run_id IN
    (
        SELECT run_id
        FROM mailweir.journey_steps
        WHERE tenant = {{tenant:String}} AND recipient_key = {{recipient:String}}
            AND ({{journey:String}} = '' OR journey_id = {{journey:String}})
        GROUP BY run_id
        ORDER BY min(at) DESC, run_id
        LIMIT {{most:UInt64}}
    )
ORDER BY min(at_ms) OVER (PARTITION BY run_id), run_id, number
"""  # noqa: S608 - words of ours
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Of which recipient (by key) of which tenant, and about which journey ("": all)."""

    tenant: str
    recipient_key: str
    journey_id: str = ""


def run_explain(store: Client, asked: Asked, out: TextIO, *, as_json: bool = False, most: int = MOST_RUNS) -> int:
    """Print the newest runs, the oldest of them first. Raises Misconfigured, Transient, MailweirError."""
    runs = list(_runs(store, asked, most))
    if not runs:
        of = f" on {asked.journey_id}" if asked.journey_id else ""
        raise MailweirError(
            f"no step of the recipient {asked.recipient_key} of the tenant {asked.tenant}{of} is stored; is it the"
            " right tenant, and do `mailweir segments` and `mailweir sink` run?"
        )
    if as_json:
        out.write(json.dumps(runs) + "\n")
    else:
        out.write("\n".join(line for run in runs for line in (*_page(run), "")))
    return 0


def _runs(store: Client, asked: Asked, most: int) -> Iterator[list[dict[str, Any]]]:
    given = {
        "tenant": asked.tenant, "recipient": asked.recipient_key, "journey": asked.journey_id, "most": most,
    }  # fmt: skip
    try:
        rows = store.query(_STEPS, parameters=given).result_rows
    except ClickHouseError as error:
        raise translate(error, "reading the steps") from error
    for _, steps in groupby((dict(zip(_COLUMNS, row, strict=True)) for row in rows), key=itemgetter("run_id")):
        yield list(steps)


def _page(run: Sequence[dict[str, Any]]) -> Iterator[str]:
    first, last = run[0], run[-1]
    about = f" {first['key']}" if first["key"] else ""
    ended = f"left: {last['outcome']}" if last["kind"] == "left" else "under way"
    yield f"{first['journey_id']}{about}: {ended if first['kind'] != 'refused' else 'refused'} (run {first['run_id']})"
    for step in run:
        did = f"{step['kind']} {step['outcome']}".strip()
        cause = {"": "by time", "rule": "by a change of rules"}.get(step["cause"], f"by {step['cause']}")
        yield f"  {_instant(step['at'])}  {did:<20} {step['place']:<24} {step['data'] or cause}".rstrip()


def _instant(at_ms: int) -> str:
    return (_EPOCH + timedelta(milliseconds=at_ms)).strftime("%Y-%m-%d %H:%M:%S")
