"""Reading bodies where they lie gives what a decoder gives, and refuses what a decoder refuses."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.aggregates import Penalty, ReputationPartial, ReputationScore, Tick
from schemas.avro import Codec, newest
from schemas.errors import Permanent
from schemas.events import EmailEvent, EventType
from streams.core.bodies import layout_of
from streams.core.columns import Read, Values, read_records
from streams.core.counting import COLUMNS
from streams.core.meaning import METRICS

CODEC = Codec()
ASKED = (*COLUMNS, "subject", "smtp_code", "raw_index")

Text = st.text(max_size=80) | st.sampled_from(("", "a" * 63, "a" * 64, "ä" * 64, "a" * 9000, "\x00", "\U0010ffff"))
Long = st.integers(-(2**63), 2**63 - 1)
Event = st.builds(
    EmailEvent, event_id=Text, tenant=Text, source=Text, provider=Text, event_type=Text, occurred_at=Long,
    received_at=Long, campaign_id=Text, tags=st.lists(Text, max_size=4), metadata=Text, subject=Text, smtp_code=Long,
    bounce_confidence=st.floats(allow_nan=False), machine=Text, raw_index=Long, sending_domain=Text,
)  # fmt: skip


def fields(read: Read, row: int) -> dict[str, Any]:
    block = read.block
    texts = {name: block.text(name, row) for name in block.layout.texts}
    return texts | {name: int(block.number(name)[row]) for name in block.layout.numbers}


def decoded(value: bytes) -> dict[str, Any] | str:
    """What a decoder says of the asked fields, or why it refuses."""
    try:
        event = CODEC.decode(value, EmailEvent)
    except Permanent as error:
        return str(error)
    return {name: getattr(event, name) for name in ASKED}


@settings(max_examples=150, deadline=None)
@given(st.lists(Event, min_size=1, max_size=5))
def test_every_text_and_number_is_what_was_written(events: list[EmailEvent]) -> None:
    read = read_records([CODEC.encode(event) for event in events], EmailEvent, ASKED, CODEC)
    assert not read.broken
    for row, event in enumerate(events):
        assert fields(read, row) == {name: getattr(event, name) for name in ASKED}


def damaged(value: bytes, dice: random.Random) -> bytes:
    """A copy with some bytes changed, cut off, put in or taken out, behind the header."""
    spoiled = bytearray(value)
    for _ in range(dice.randrange(1, 4)):
        at = dice.randrange(5, len(spoiled)) if len(spoiled) > 5 else 5
        match dice.randrange(5):
            case 0:
                spoiled[at : at + 1] = bytes([dice.choice((0, 1, 2, 127, 128, 255, dice.randrange(256)))])
            case 1:
                del spoiled[at:]
            case 2:
                del spoiled[at : at + dice.randrange(1, 4)]
            case 3:
                spoiled[at:at] = dice.randbytes(dice.randrange(1, 4))
            case _:
                spoiled[at:at] = b"\xff" * dice.randrange(8, 12)
    return bytes(spoiled)


@settings(max_examples=300, deadline=None)
@given(st.lists(Event, min_size=1, max_size=4), st.integers(0, 2**32))
def test_what_a_decoder_refuses_is_broken_and_nothing_else_is(events: list[EmailEvent], seed: int) -> None:
    dice = random.Random(seed)
    values = [CODEC.encode(event) for event in events]
    values = [damaged(value, dice) if dice.random() < 0.7 else value for value in values]
    read = read_records(values, EmailEvent, ASKED, CODEC)
    assert not read.others
    found: dict[int, Any] = {row: fields(read, row) for row in read.rows.tolist()}
    found.update((row, str(error)) for row, error in read.broken.items())
    assert [found[row] for row in range(len(values))] == [decoded(value) for value in values]


@pytest.mark.parametrize(
    "text",
    [b"\x80", b"\xc0\xaf", b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xed\xa0\x80", b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80",
     b"\xf5\x80\x80\x80", b"\xe2\x82", b"\xc3(", b"\xf0\x9f\x98", b"ok\xff"],
)  # fmt: skip
def test_a_text_that_is_not_utf8_breaks_its_record_alone(text: bytes) -> None:
    event = EmailEvent(
        event_id="1", tenant="t", source="s", provider="p", event_type=EventType.SENT, occurred_at=1, received_at=1,
        provider_event_type="~" * len(text),
    )  # fmt: skip
    good = CODEC.encode(event)
    bad = good.replace(b"~" * len(text), text)
    for column in ("provider_event_type", "tenant"):  # asked for, and not
        read = read_records([good, bad, good], EmailEvent, [column], CODEC)
        assert list(read.broken) == [1]
        assert read.rows.tolist() == [0, 2]


def test_an_array_in_several_blocks_and_one_with_its_size_are_read() -> None:
    def event(*tags: str) -> EmailEvent:
        return EmailEvent(
            event_id="1", tenant="t", source="s", provider="p", event_type=EventType.SENT, occurred_at=1, received_at=1,
            tags=list(tags), metadata="behind",
        )  # fmt: skip

    whole = CODEC.encode(event("one", "two"))
    several = whole.replace(b"\x04\x06one\x06two\x00", b"\x02\x06one\x02\x06two\x00")
    sized = whole.replace(b"\x04\x06one\x06two\x00", b"\x03\x10\x06one\x06two\x00")
    assert len({whole, several, sized}) == 3
    read = read_records([whole, several, sized], EmailEvent, ["metadata"], CODEC)
    assert [read.block.text("metadata", row) for row in read.rows.tolist()] == ["behind"] * 3


def test_other_records_and_no_records_are_told_apart() -> None:
    partial = ReputationPartial(
        tenant="t", kind="ip", key="k", source="s", minute=60_000, partition=0, applied_offset=-1, watermark=2**50,
        **{name: place for place, name in enumerate(METRICS)},
    )  # fmt: skip
    values: Values = [CODEC.encode(partial), None, CODEC.encode(Tick(at=1, writer="w")), b"", b"\x00\x00", b"no record"]
    read = read_records(values, ReputationPartial, (*METRICS, "watermark", "key"), CODEC)
    assert read.rows.tolist() == [0]
    assert read.others == [1, 2]
    assert sorted(read.broken) == [3, 4, 5]
    assert read.block.table(METRICS)[:, 0].tolist() == list(range(len(METRICS)))
    assert fields(read, 0) == {name: getattr(partial, name) for name in (*METRICS, "watermark", "key")}
    assert read_records([], ReputationPartial, METRICS, CODEC).rows.tolist() == []


def test_what_only_the_decoder_can_read_is_not_lost_silently(monkeypatch: pytest.MonkeyPatch) -> None:
    value = CODEC.encode(Tick(at=1, writer="w" * 70))
    codec = Codec()
    monkeypatch.setattr(codec, "encode", lambda _: codec.header(Tick) + b"\xff")
    cut = value[:-1] + b"\xc3"  # no UTF-8: the walk refuses it, and this decoder does not
    monkeypatch.setattr(codec, "decode", lambda *_: Tick(at=1, writer=""))
    read = read_records([value, cut], Tick, ["writer"], codec)
    assert read.rows.tolist() == [0]
    assert "cannot be read as columns" in str(read.broken[1])


def test_a_record_of_a_type_without_columns_is_refused_by_name() -> None:
    assert dataclasses.is_dataclass(Penalty)
    with pytest.raises(TypeError, match="no column for the Avro type"):
        layout_of(newest(ReputationScore), ["tenant"], b"")
    for column, says in (("tags", "no column for the Avro type"), ("colour", "no such field")):
        with pytest.raises(TypeError, match=says):
            layout_of(newest(EmailEvent), [column], b"")
