"""Bodies become a Native block that says the same, and what is no body says why."""

from __future__ import annotations

import dataclasses
import io
import json
import random
import re
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.aggregates import Penalty, ReputationScore
from schemas.avro import HEADER_SIZE, Codec, newest
from schemas.events import EmailEvent, EventType
from streams.core.native import native
from tests.native_rows import rows_of
from tests.unit.streams.test_bodies import Event, Long, Text, damaged

CODEC = Codec()
Real = st.floats(allow_nan=False)
PenaltyOf = st.builds(
    Penalty, name=Text, points=Real, rate=Real, limit=Real, numerator=Real, denominator=Real, reason=Text
)
Score = st.builds(
    ReputationScore, tenant=Text, kind=Text, key=Text, as_of=Long, window_start=Long, version=Long, score=Real,
    score_low=Real, score_high=Real, level=Text, scored_at=Long, sources=st.lists(Text, max_size=3),
    penalties=st.lists(PenaltyOf, max_size=3), trend=Real, sent=Long,
)  # fmt: skip


def block_of(records: list[Any]) -> list[dict[str, Any]]:
    block = native(newest(type(records[0])), [CODEC.encode(record) for record in records])
    assert (block.rows, block.broken) == (len(records), {})
    return rows_of(block.data)


@settings(max_examples=100, deadline=None)
@given(st.lists(Event, min_size=1, max_size=5))
def test_every_field_of_every_event_is_in_its_column(events: list[EmailEvent]) -> None:
    assert block_of(events) == [dataclasses.asdict(event) for event in events]


@settings(max_examples=100, deadline=None)
@given(st.lists(Score, min_size=1, max_size=5))
def test_records_within_arrays_are_tuples_of_their_row(scores: list[ReputationScore]) -> None:
    assert block_of(scores) == [dataclasses.asdict(score) for score in scores]


def decodes(value: bytes) -> bool:
    """Whether a decoder reads the body, and all of it."""
    text = newest(EmailEvent).path.read_text(encoding="utf-8")
    schema = json.loads(re.sub(r',\s*"logicalType": "[^"]*"', "", text))  # or it makes datetimes, which have bounds
    body = io.BytesIO(value[HEADER_SIZE:])
    try:
        fastavro.schemaless_reader(body, fastavro.parse_schema(schema), None)
    except Exception:  # noqa: BLE001 - it raises whatever the bytes provoke
        return False
    return body.tell() == len(value) - HEADER_SIZE


@settings(max_examples=300, deadline=None)
@given(st.lists(Event, min_size=1, max_size=4), st.integers(0, 2**32))
def test_what_a_decoder_does_not_read_to_its_end_is_broken_and_the_rest_is_written(
    events: list[EmailEvent], seed: int
) -> None:
    dice = random.Random(seed)
    values = [CODEC.encode(event) for event in events]
    values = [damaged(value, dice) if dice.random() < 0.7 else value for value in values]
    block = native(newest(EmailEvent), values)
    huge = {at for at, why in block.broken.items() if "64 bits" in why}  # fastavro cuts them, ClickHouse refused them
    good = [value for at, value in enumerate(values) if at not in huge and decodes(value)]
    assert [value for at, value in enumerate(values) if at not in block.broken] == good
    assert block.rows == len(good)
    assert rows_of(block.data) == [dataclasses.asdict(CODEC.decode(value, EmailEvent)) for value in good]


def event(*tags: str, subject: str = "") -> bytes:
    return CODEC.encode(
        EmailEvent(
            event_id="1", tenant="t", source="s", provider="p", event_type=EventType.SENT, occurred_at=1, received_at=1,
            tags=list(tags), subject=subject, metadata="behind",
        )
    )  # fmt: skip


def test_an_array_in_several_blocks_and_one_with_its_size_are_read() -> None:
    whole = event("one", "two")
    several = whole.replace(b"\x04\x06one\x06two\x00", b"\x02\x06one\x02\x06two\x00")
    sized = whole.replace(b"\x04\x06one\x06two\x00", b"\x03\x10\x06one\x06two\x00")
    assert len({whole, several, sized}) == 3
    rows = rows_of(native(newest(EmailEvent), [whole, several, event(), sized]).data)
    assert [row["tags"] for row in rows] == [["one", "two"], ["one", "two"], [], ["one", "two"]]
    assert [row["metadata"] for row in rows] == ["behind"] * 4


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda value: value[:-3], "it ends too early"),
        (lambda value: value[:6], "it ends too early"),
        (lambda value: value[:HEADER_SIZE], "it ends too early"),
        (lambda value: value + b"\x00", "it goes on after its last field"),
        (lambda value: value[:HEADER_SIZE] + b"\xff" * 20, "a number in it has more than 64 bits"),
        (lambda value: value[:HEADER_SIZE] + b"\x01" + value[HEADER_SIZE + 1 :], "a length in it is negative"),
        (lambda value: value.replace(b"~~", b"\xc3("), "a text in it is not UTF-8"),
        (lambda value: value.replace(b"\x0cbehind", b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "it ends too early"),
    ],
)
def test_a_broken_body_says_why_and_harms_no_other(spoil: Any, why: str) -> None:
    good, bad = event("a", subject="~~"), spoil(event("a", subject="~~"))
    block = native(newest(EmailEvent), [good, bad, good])
    assert block.broken == {1: f"the body does not match schema email_event.v1: {why}"}
    assert [row["subject"] for row in rows_of(block.data)] == ["~~", "~~"]
