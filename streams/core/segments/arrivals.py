"""What a batch of recipient-events says: facts in the order of the log, each with the clock at its record.

Events are read as columns (`streams/core/columns.py`), which costs a quarter of decoding them; properties are only made
where a rule looks at events of that name. The facts are those of `fact.py`, whatever way they are read. The clock is
the highest receipt time or tick so far. What is about nobody, or about a tenant without segments, is counted and no
fact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from schemas.aggregates import Tick
from schemas.announcements import PastFact, PastRead
from schemas.avro import Codec
from schemas.errors import FailureCode, Permanent
from schemas.events import ActivityEvent, EmailEvent, Machine
from schemas.identity import SEPARATOR_TEXT, partition_key
from schemas.segments.names import MACHINE_SUFFIX, MAIL_PREFIX, MAIL_PROPERTIES, METADATA, snake
from streams.core.bodies import Block
from streams.core.columns import read_records
from streams.core.compiled import Ints
from streams.core.segments.fact import TRACK, Fact, parsed
from streams.core.segments.tags import TagReader

Names = Mapping[str, AbstractSet[str]]
"""By tenant, the names of facts that its rules look at."""

Values = Sequence[bytes | None]
_NOTHING: Mapping[str, Any] = {}
_ABOUT = ("tenant", "recipient_key", "event_id")
_TAGS = "tags"
_MAIL_TEXTS = tuple(name for name in MAIL_PROPERTIES if name != _TAGS)
_MAIL = (*_ABOUT, "event_type", "machine", METADATA, *_MAIL_TEXTS)
_ACTIVITY = (*_ABOUT, "activity", "name", "traits", "url", "provider", "properties")
_PAST = (*_ABOUT, "name", "properties", "traits")
_TIMES = ("occurred_at", "received_at")


class Arrival(NamedTuple):
    """A fact about `recipient` (its row's key), at `place` in the batch; its `known_at` is the clock there, in ms."""

    place: int
    recipient: bytes
    tenant: str
    recipient_key: str
    fact: Fact


@dataclass(slots=True)
class Arrivals:
    """A batch, read. `clock`: behind its last record; `events`: with those that are no fact; `broken`: and why.
    `past`: how many facts of a tenant's past were sent before this, where it is said."""

    facts: list[Arrival]
    clock: int
    events: int
    broken: dict[int, Permanent]
    past: dict[str, int]


def read_arrivals(values: Values, codec: Codec, clock: int, names: Names) -> Arrivals:
    """The facts of a batch. `clock`: of the partition before it, in ms."""
    everything = np.arange(len(values))
    mails = _read(values, everything, EmailEvent, (*_MAIL, *_TIMES), codec)
    acts = _read(values, mails.others, ActivityEvent, (*_ACTIVITY, *_TIMES), codec)
    past = _read(values, acts.others, PastFact, (*_PAST, "occurred_at"), codec)
    broken = mails.broken | acts.broken | past.broken
    stamps, told = np.zeros(len(values), np.int64), dict[str, int]()
    for place in past.others.tolist():
        try:
            stamps[place] = _control(values[place], codec, told)
        except Permanent as error:
            broken[place] = error
    for each in (mails, acts):
        stamps[each.places] = each.block.number("received_at")[each.rows]
    stamps = np.maximum.accumulate(np.maximum(stamps, clock))
    facts: list[Arrival] = []
    facts += _facts(mails, stamps, names, _MAIL, _mail_maker(mails.block), broken)
    facts += _facts(acts, stamps, names, _ACTIVITY, _activity, broken)
    facts += _facts(past, stamps, names, _PAST, _past, broken)
    facts.sort(key=_place)
    events = len(mails.rows) + len(acts.rows)
    return Arrivals(facts, int(stamps[-1]) if len(values) else clock, events, broken, told)


@dataclass(slots=True)
class _Placed:
    """Records of one type: rows of the block, and their places in the batch; places of other types, of broken ones."""

    block: Block
    rows: Ints
    places: Ints
    others: Ints
    broken: dict[int, Permanent]


def _read(values: Values, among: Ints, record: type, columns: Sequence[str], codec: Codec) -> _Placed:
    whole = len(among) == len(values)
    read = read_records(values if whole else [values[at] for at in among.tolist()], record, columns, codec)
    broken = {int(among[at]): error for at, error in read.broken.items()}
    return _Placed(read.block, read.rows, among[read.rows], among[np.array(read.others, np.int64)], broken)


def _place(arrival: Arrival) -> int:
    return arrival.place


def _control(value: bytes | None, codec: Codec, told: dict[str, int]) -> int:
    """A tick's time; 0 for what has none, as a tombstone in a topic that is never compacted, somebody's test."""
    if value is None:
        return 0
    if value.startswith(codec.header(PastRead)):
        read = codec.decode(value, PastRead)
        told[read.tenant] = read.facts
        return 0
    return codec.decode(value, Tick).at


Made = tuple[str, Mapping[str, Any], Mapping[str, Any]]
"""A fact's name, properties and traits."""

Make = Callable[[int, Sequence[str], AbstractSet[str]], Made]
"""Of a row with these texts; and the names that rules look at."""


def _facts(
    read: _Placed, stamps: Ints, names: Names, fields: Sequence[str], make: Make, broken: dict[int, Permanent]
) -> Iterator[Arrival]:
    block, rows, places = read.block, read.rows, read.places
    if not len(rows):
        return
    occurred, clocks = block.number("occurred_at")[rows].tolist(), stamps[places].tolist()
    joined = block.joined(fields, rows)
    for row, place, text, at, clock in zip(rows.tolist(), places.tolist(), joined, occurred, clocks, strict=True):
        try:
            texts = _texts(block, row, text, fields)
            tenant, recipient_key, event_id = texts[:3]
            looked_at = names.get(tenant)
            if looked_at is None or not recipient_key:
                continue
            name, properties, traits = make(row, texts, looked_at)
        except UnicodeDecodeError as error:
            broken[place] = Permanent(FailureCode.UNDECODABLE, f"a text of the record is not UTF-8 ({error.reason})")
            continue
        fact = Fact(event_id, name, at, clock, properties, traits)
        yield Arrival(place, partition_key(tenant, recipient_key), tenant, recipient_key, fact)


def _texts(block: Block, row: int, joined: bytes, fields: Sequence[str]) -> list[str]:
    found = joined.decode().split(SEPARATOR_TEXT)
    if len(found) == len(fields) + 1:
        return found
    return [block.text(name, row) for name in fields]  # somebody's subject has a separator in it


def _mail_maker(block: Block) -> Make:
    tags = TagReader(block)

    def make(row: int, texts: Sequence[str], looked_at: AbstractSet[str]) -> Made:
        name = _mail_name(texts[3], texts[4])
        if name not in looked_at:
            return name, _NOTHING, _NOTHING
        properties: dict[str, Any] = dict(zip(_MAIL_TEXTS, texts[6:], strict=False))  # a text may end the list
        properties[_TAGS] = tags.of(row)
        properties[METADATA] = parsed(texts[5])
        return name, properties, _NOTHING

    return make


def _activity(_: int, texts: Sequence[str], looked_at: AbstractSet[str]) -> Made:
    activity, called, traits, url, provider, properties = texts[3:9]
    name = _activity_name(activity, called)
    known = {"url": url, "provider": provider, **parsed(properties)} if name in looked_at else _NOTHING
    return name, known, parsed(traits) if traits else _NOTHING


def _past(_: int, texts: Sequence[str], looked_at: AbstractSet[str]) -> Made:
    name, properties, traits = texts[3:6]
    known = parsed(properties) if name in looked_at else _NOTHING
    return name, known, parsed(traits) if traits else _NOTHING


@lru_cache(maxsize=1024)  # two dozen
def _mail_name(kind: str, machine: str) -> str:
    return f"{MAIL_PREFIX}{kind}{MACHINE_SUFFIX if machine == Machine.MACHINE else ''}"


@lru_cache(maxsize=4096)  # strangers choose them
def _activity_name(activity: str, called: str) -> str:
    return snake(called) if activity == TRACK else activity
