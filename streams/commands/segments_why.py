"""`mailweir segments explain`: a recipient's stored events, asked why they are in a segment or not.

The events are read once, in the order in which they were known, and none is kept; so many of one recipient that no
person has them are not read to the end.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from schemas.errors import MailweirError, Misconfigured
from schemas.segments.names import MAIL_PROPERTIES, METADATA
from schemas.segments.rules import Segment
from sinks.clickhouse import translate
from streams.commands import segments_why_text as text
from streams.commands.segments_sql import chosen
from streams.core.segments.fact import Fact
from streams.core.segments.sql.facts import stored
from streams.core.segments.why import Question

MOST_EVENTS = 100_000  # of one recipient: what has more is no person
_FACTS = f"""
SELECT event_id, name, at, known_at, if(has({{names:Array(String)}}, name), properties, ''),
    if({{traits:Bool}}, traits, ''), count() OVER () AS total
FROM
(
    SELECT *
    FROM
    (
{stored((*MAIL_PROPERTIES, METADATA))}
    )
    WHERE recipient_key = {{recipient:String}}
    ORDER BY known_at DESC, at DESC, event_id DESC
    LIMIT {{most:UInt64}}
)
ORDER BY known_at, at, event_id
"""  # noqa: S608 - words of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked: of which recipient (by key) and tenant, about which segment ("": all), and when (ms)."""

    tenant: str
    recipient_key: str
    segment_id: str
    at: int


def tenant_of(segments: Sequence[Segment], wanted: str) -> str:
    """Whose segments are meant; "" is enough where all are of one tenant. Raises Misconfigured."""
    tenants = sorted({segment.tenant for segment in segments})
    if wanted and wanted not in tenants:
        raise Misconfigured(f"no segment is for the tenant {wanted}; there are some for {', '.join(tenants)}")
    if not wanted and len(tenants) > 1:
        raise Misconfigured(f"the segments are for several tenants; choose with --tenant one of {', '.join(tenants)}")
    return wanted or tenants[0]


def run_explain(
    store: Client,
    segments: Sequence[Segment],
    asked: Asked,
    out: TextIO,
    *,
    as_json: bool = False,
    most: int = MOST_EVENTS,
) -> int:
    """Print the reasons; of several segments only which they are in. Raises Misconfigured, Transient, MailweirError."""
    known = [segment for segment in segments if segment.tenant == asked.tenant]
    is_one = bool(asked.segment_id) or len(known) == 1
    about = [chosen(known, asked.segment_id)] if is_one else known
    question = Question(about, known, asked.at, is_deep=is_one)
    reading = _Reading()
    found = question.answer(asked.recipient_key, _facts(store, question, asked, most, reading))
    if not reading.events:
        raise MailweirError(
            f"no event of the recipient {asked.recipient_key} of the tenant {asked.tenant} is stored up to"
            f" {text.instant(asked.at)} UTC; is it the right tenant, and does the store have all events?"
        )
    page = text.Page(asked.tenant, asked.recipient_key, asked.at, reading.events, is_cut=reading.is_cut)
    if as_json:
        out.write(json.dumps(text.as_data(page, found)) + "\n")
    else:
        out.write(text.tree(page, found[0]) if is_one else text.table(page, found))
    return 0


@dataclass(slots=True)
class _Reading:
    """How many events were read, and whether there are older ones."""

    events: int = 0
    is_cut: bool = False


def _facts(store: Client, question: Question, asked: Asked, most: int, reading: _Reading) -> Iterator[Fact]:
    """The newest `most` facts, the oldest of them first."""
    given = {
        "tenant": asked.tenant, "recipient": asked.recipient_key, "known": asked.at, "most": most + 1,
        "names": sorted(question.names), "traits": question.has_traits,
    }  # fmt: skip
    try:
        with store.query_rows_stream(_FACTS, parameters=given) as rows:
            for event_id, name, at, known_at, properties, traits, total in rows:
                if total > most and not reading.is_cut:
                    reading.is_cut = True
                    continue
                reading.events += 1
                yield Fact(event_id, name, at, known_at, object_of(properties), object_of(traits))
    except ClickHouseError as error:
        raise translate(error, "reading the recipient's events") from error


def object_of(written: str) -> dict[str, Any]:
    """The object that a text holds; of equal keys the first counts, as in the store. {} for anything else."""
    if not written:
        return {}
    try:
        found = json.loads(written, object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
