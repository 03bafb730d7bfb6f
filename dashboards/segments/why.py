"""Why somebody is in a segment or not, by their stored events.

The events are read once, in the order in which they were known, and none is kept; so many of one recipient that no
person has them are not read to the end.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from dashboards.console.store import StoreClient
from dashboards.segments.chosen import chosen
from dashboards.segments.why_data import Page, instant
from schemas.errors import MailweirError
from schemas.segments.names import MAIL_PROPERTIES, METADATA
from schemas.segments.rules import Segment
from streams.core.segments.fact import Fact
from streams.core.segments.sql.facts import stored
from streams.core.segments.why import Question, Why

_PLAIN = msgspec.json.Decoder()
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


class UnknownRecipientError(MailweirError):
    """Nothing is stored of the recipient."""


def unknown_recipient(tenant: str, recipient_key: str, at: int) -> UnknownRecipientError:
    """With the sentence. `at`: ms."""
    return UnknownRecipientError(
        f"no event of the recipient {recipient_key} of the tenant {tenant} is stored up to {instant(at)} UTC; is it the"
        " right tenant, and does the store have all events?"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked: of which recipient (by key) and tenant, about which segment ("": all), and when (ms)."""

    tenant: str
    recipient_key: str
    segment_id: str
    at: int


class Told(NamedTuple):
    """The answer. `is_one`: about one segment, node by node; else only which of them the recipient is in."""

    page: Page
    whys: list[Why]
    is_one: bool


def explain(store: StoreClient, segments: Sequence[Segment], asked: Asked, most: int = MOST_EVENTS) -> Told:
    """The reasons, by the newest `most` events. Blocks.

    Raises Misconfigured for a segment that is not there, UnknownRecipientError, ClickHouseError.
    """
    known = [segment for segment in segments if segment.tenant == asked.tenant]
    is_one = bool(asked.segment_id) or len(known) == 1
    about = [chosen(known, asked.segment_id)] if is_one else known
    question = Question(about, known, asked.at, is_deep=is_one)
    reading = _Reading()
    found = question.answer(asked.recipient_key, _facts(store, question, asked, most, reading))
    if not reading.events:
        raise unknown_recipient(asked.tenant, asked.recipient_key, asked.at)
    return Told(Page(asked.tenant, asked.recipient_key, asked.at, reading.events, is_cut=reading.is_cut), found, is_one)


@dataclass(slots=True)
class _Reading:
    """How many events were read, and whether there are older ones."""

    events: int = 0
    is_cut: bool = False


def _facts(store: StoreClient, question: Question, asked: Asked, most: int, reading: _Reading) -> Iterator[Fact]:
    """The newest `most` facts, the oldest of them first."""
    given = {
        "tenant": asked.tenant, "recipient": asked.recipient_key, "known": asked.at, "most": most + 1,
        "names": sorted(question.names), "traits": question.has_traits,
    }  # fmt: skip
    with store.query_rows_stream(_FACTS, parameters=given) as rows:
        for event_id, name, at, known_at, properties, traits, total in rows:
            if total > most and not reading.is_cut:
                reading.is_cut = True
                continue
            reading.events += 1
            yield Fact(event_id, name, at, known_at, object_of(properties), object_of(traits))


def object_of(written: str) -> dict[str, Any]:
    """The object that a text holds; of equal keys the first counts, as in the store. {} for anything else."""
    if not written:
        return {}
    try:
        found = _PLAIN.decode(written)
        if not _has_all(written, found):
            found = _with_first(written)
    except msgspec.DecodeError:  # so it is only a bit of JSON: NaN, half a character
        found = _with_first(written)
    return found if isinstance(found, dict) else {}


def _with_first(written: str) -> Any:
    try:
        return json.loads(written, object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    except ValueError:
        return None


def _has_all(written: str, found: Any) -> bool:
    """Whether no two keys were equal, for sure: as many are there as the text has places for."""
    keys = _keys(found)
    if written.count(":") == keys:
        return True
    return written.count('":') == keys and not any(f"{blank}:" in written for blank in " \t\r\n")


def _keys(found: Any) -> int:
    if isinstance(found, dict):
        below = [value for value in found.values() if value.__class__ is dict or value.__class__ is list]
        return len(found) + (sum(map(_keys, below)) if below else 0)
    return sum(map(_keys, found)) if isinstance(found, list) else 0
