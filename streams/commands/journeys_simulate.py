"""`mailweir journeys simulate`: what a journey would have done by the stored events; nothing is sent.

All events of the tenant are read once, recipient by recipient, for what somebody did before a journey decides who is in
which segment. The store sorts them, on its disk where they are many.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TextIO

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from dashboards.segments.why import object_of
from schemas.errors import MailweirError, Misconfigured
from schemas.journeys.checks import placed_steps
from schemas.journeys.journey import Journey
from schemas.journeys.steps import StepKind
from schemas.nearest import hint
from schemas.segments.names import MAIL_PROPERTIES, METADATA
from schemas.segments.rules import Segment
from sinks.clickhouse import translate
from streams.core.journeys.flows import Flows
from streams.core.journeys.simulation import Tally, Way, simulate
from streams.core.segments.fact import Fact
from streams.core.segments.program import Program
from streams.core.segments.sql.facts import stored

_IN_MEMORY_BYTES = 500_000_000  # what the store sorts beyond goes to its disk
_FACTS = f"""
SELECT recipient_key, event_id, name, at, known_at, if(has({{names:Array(String)}}, name), properties, ''),
    if({{traits:Bool}}, traits, '')
FROM
(
{stored((*MAIL_PROPERTIES, METADATA))}
)
ORDER BY recipient_key, known_at, at, event_id
SETTINGS max_bytes_before_external_sort = {_IN_MEMORY_BYTES}
"""  # noqa: S608 - words of ours
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which journey ("" where there is one), for runs that entered from `since` on, and up to when (ms)."""

    journey_id: str
    since: int
    until: int


def chosen(journeys: Sequence[Journey], id_: str) -> Journey:
    """The journey with that id; "" is enough where there is only one. Raises Misconfigured."""
    found = [journey for journey in journeys if id_ in ("", journey.id)]
    if len(found) == 1:
        return found[0]
    ids = sorted({journey.id for journey in journeys})
    if not found:
        raise Misconfigured(f"no journey has the id {id_}; {hint(id_, ids, 'there are')}")
    raise Misconfigured(f"more than one journey is meant; choose with --id one of {', '.join(ids[:10])}")


def run_simulate(
    store: Client,
    journeys: Sequence[Journey],
    segments: Sequence[Segment],
    asked: Asked,
    out: TextIO,
    *,
    as_json: bool = False,
    show: Callable[[int], None] = lambda _: None,
) -> int:
    """Print what would have been. `show` is told how many recipients are done with.

    Raises Misconfigured, Transient, and MailweirError where no event is stored.
    """
    journey = chosen(journeys, asked.journey_id)
    flows = Flows([each for each in journeys if each.tenant == journey.tenant])
    program = Program([*(each for each in segments if each.tenant == journey.tenant), *flows.rules])
    tally = Tally(journey.id, asked.since)
    for _ in simulate(program, flows, _facts(store, program, flows, asked.until), asked.until, tally):
        show(tally.known)
    if not tally.events:
        raise MailweirError(f"no event of the tenant {journey.tenant} is stored up to {_instant(asked.until)} UTC")
    ways = tally.ways([place for place, _ in placed_steps(journey.steps, "steps")])
    if as_json:
        out.write(json.dumps(_as_data(journey, asked, tally, ways)) + "\n")
    else:
        out.writelines(f"{line}\n" for line in _page(journey, asked, tally, ways))
    return 0


def _facts(store: Client, program: Program, flows: Flows, until: int) -> Iterator[tuple[str, Fact]]:
    given = {
        "tenant": flows.tenant, "known": until, "names": sorted(program.names | flows.names),
        "traits": bool(program.traits),
    }  # fmt: skip
    try:
        with store.query_rows_stream(_FACTS, parameters=given) as rows:
            for key, event_id, name, at, known_at, properties, traits in rows:
                yield key, Fact(event_id, name, at, known_at, object_of(properties), object_of(traits))
    except ClickHouseError as error:
        raise translate(error, "reading the events") from error


def _page(journey: Journey, asked: Asked, tally: Tally, ways: Sequence[Way]) -> Iterator[str]:
    since = f"from {_instant(asked.since)} " if asked.since else ""
    yield f"{journey.id}, {since}to {_instant(asked.until)} UTC: what would have been"
    yield f"by {tally.events:,} stored events of {tally.known:,} recipients; nothing was sent"
    yield ""
    yield f"entered    {tally.entered:>9,}  runs of {tally.recipients:,} recipients"
    yield f"under way  {tally.under_way:>9,}  at the end"
    yield f"calls      {tally.calls:>9,}"
    if tally.refused:
        yield f"refused    {tally.refused:>9,}  by recipients with too many runs at a time"
    if not ways:
        return
    yield ""
    yield f"{'runs':>9}  {'median after':<13} {'what':<20} step"
    for way in ways:
        did = f"{way.kind} {_outcome(way)}"
        yield f"{way.runs:>9,}  {_length(way.after_s):<13} {did:<20} {way.place}".rstrip()


def _outcome(way: Way) -> str:
    return f"part {way.outcome}" if way.kind is StepKind.SPLIT else way.outcome


def _as_data(journey: Journey, asked: Asked, tally: Tally, ways: Sequence[Way]) -> dict[str, Any]:
    return {
        "id": journey.id, "tenant": journey.tenant, "since": asked.since, "until": asked.until,
        "events": tally.events, "known": tally.known, "entered": tally.entered, "recipients": tally.recipients,
        "under_way": tally.under_way, "calls": tally.calls, "refused": tally.refused,
        "ways": [way._asdict() for way in ways],
    }  # fmt: skip


def _length(seconds: int) -> str:
    """`2h`, `1d`; of what is no whole unit the two largest: `1d 2h`."""
    parts = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        number, seconds = divmod(seconds, size)
        parts += [f"{number}{unit}"] if number else []
    return " ".join(parts[:2]) or "at once"


def _instant(at_ms: int) -> str:
    return (_EPOCH + timedelta(milliseconds=at_ms)).strftime("%Y-%m-%d %H:%M")
