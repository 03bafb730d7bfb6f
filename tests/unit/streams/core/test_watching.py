"""From the log to verdicts: what is said depends on the log alone, and a restart says the same again, byte for byte."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.aggregates import LaneMarker, Level, Tick
from schemas.avro import Codec
from schemas.events import EmailEvent, EventType
from schemas.identity import digest
from schemas.topics import DEAD_LETTERS, REPUTATION_SLOTS, VERDICTS
from schemas.verdicts import Verdict
from streams.core.changes import Row
from streams.core.partials import PartitionCounts
from streams.core.reputation.ledger import Key
from streams.core.reputation.watching import CHECKPOINT_MS, TICK_MS, WatchLog
from streams.lane.guard import apart

CODEC = Codec()
T0 = 1_790_000_040_000
PARTITIONS = 2
BAD = {"bounce_reason": "invalid_recipient", "bounce_permanence": "permanent", "event_type": EventType.BOUNCED}


def event(number: int, at: int, **fields: Any) -> bytes:
    given_ = {
        "event_id": digest(number), "tenant": "acme", "source": f"s{number % 2}", "provider": "p",
        "event_type": EventType.DELIVERED, "occurred_at": at - 300, "received_at": at, "campaign_id": "bad",
        "mailbox_provider": "gmail", **fields,
    }  # fmt: skip
    return CODEC.encode(EmailEvent(**given_))


def stream(seed: int, seconds: int = 25) -> list[tuple[int, bytes]]:
    """A good campaign and a bad one, with when each event is received."""
    dice = random.Random(seed)
    found = []
    for number in range(seconds * 10):
        at = T0 + dice.randrange(seconds * 1000)
        kind = BAD if number % 2 and dice.random() < 0.3 else {}
        found.append((at, event(number, at, campaign_id="good" if number % 2 == 0 else "bad", **kind)))
    return found


def log_of(events: Sequence[tuple[int, bytes]], flush: int, *, shift: random.Random | None = None) -> list[bytes]:
    """The counts by slot that the partitions write, flushed every so many records; each event in its own partition."""
    parts: list[list[tuple[int, bytes]]] = [[] for _ in range(PARTITIONS)]
    for at, value in events:
        number = int(CODEC.decode(value, EmailEvent).event_id[:8], 16) % PARTITIONS
        parts[number].append((at + (shift.randrange(1500) if shift else 0), value))
    last = max(at for at, _ in events)
    written: list[tuple[int, bytes]] = []
    for number, given_ in enumerate(parts):
        ticks = [
            (at, CODEC.encode(Tick(at=at, writer="t")))
            for at in (*range(T0, min(last, T0 + 100_000), 1_000), last + 9_000)
        ]
        order = sorted([*given_, *ticks], key=lambda item: item[0])
        order += [(at, CODEC.encode(Tick(at=at, writer="t"))) for at in (last + 20_000, last + 21_000)]
        state = PartitionCounts(number, CODEC, apart)
        state.start(None)
        cuts = [*range(0, len(order) - 2, flush), len(order) - 2, len(order) - 1, len(order)]
        for begin, end in pairwise(cuts):
            batch = order[begin:end]
            state.fold([value for _, value in batch], range(begin, begin + len(batch)))
            sides = state.cut(begin + len(batch)).sides
            written += [(batch[-1][0], side.value) for side in sides if side.topic == REPUTATION_SLOTS.name]
    return [value for _, value in sorted(written, key=lambda item: item[0])]


def said(sides: Sequence[Any]) -> list[bytes]:
    return [side.value for side in sides if side.topic == VERDICTS.name]


def verdicts(values: Sequence[bytes]) -> list[Verdict]:
    return [CODEC.decode(value, Verdict) for value in values if CODEC.version_of(value).record is Verdict]


def whole(log: Sequence[bytes]) -> list[bytes]:
    state = WatchLog(PARTITIONS, CODEC)
    state.start(None)
    state.fold(list(log), range(len(log)))
    return said(state.cut(len(log)).sides)


def test_a_bad_campaign_is_said_to_be_bad_and_the_good_one_is_not() -> None:
    found = verdicts(whole(log_of(stream(1, 90), 50)))
    worst = {(v.key, v.level) for v in found if v.kind == "campaign"}
    assert ("bad", Level.PAUSED) in worst
    assert not {level for key, level in worst if key == "good"} - {Level.HEALTHY}
    last = [v for v in found if v.key == "bad"][-1]
    assert last.sources == ["s0", "s1"] or last.sources == ["s1"]
    assert last.at % 1_000 == 0
    assert last.signals


def test_time_passes_in_ticks_of_ten_seconds_behind_what_was_said_before() -> None:
    found = whole(log_of(stream(1), 50))
    stamps = []
    for value in found:
        is_tick = CODEC.version_of(value).record is Tick
        stamps.append(CODEC.decode(value, Tick).at + 0.5 if is_tick else CODEC.decode(value, Verdict).at)
    assert stamps == sorted(stamps)
    ticks = [at - 0.5 for at in stamps if at % 1]
    assert len(ticks) >= 3
    assert all(later - earlier == TICK_MS for earlier, later in pairwise(ticks))


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 1_000), flush=st.integers(5, 300))
def test_the_same_events_flushed_otherwise_in_another_order_and_twice_give_the_same_verdicts(
    seed: int, flush: int
) -> None:
    events = stream(seed)
    dice = random.Random(seed + 1)
    other = [*events, *dice.sample(events, 40)]
    assert without_ends(whole(log_of(events, 50))) == without_ends(whole(log_of(other, flush, shift=dice)))


def without_ends(values: list[bytes]) -> list[bytes]:
    """How far the clock has come when the log ends depends on its last flush."""
    return [value for value in values if CODEC.version_of(value).record is Verdict]


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 1_000), at=st.lists(st.floats(0.05, 0.95), min_size=1, max_size=3), flush=st.integers(5, 80))
def test_a_restart_says_again_what_was_said_and_goes_on_byte_for_byte(seed: int, at: list[float], flush: int) -> None:
    log = log_of(stream(seed), flush)
    truth = whole(log)
    changelog: list[Row] = []
    marker: LaneMarker | None = None
    heard: list[bytes] = []
    for stop in [*sorted({int(len(log) * share) for share in at}), len(log)]:
        state = WatchLog(PARTITIONS, CODEC)
        if changelog:
            state.restore([key for key, _ in changelog], [value for _, value in changelog])
        begin, said_again = state.start(marker), []
        for offset in range(begin, stop):
            state.fold([log[offset]], [offset])
            cut = state.cut(offset + 1)
            said_again += said(cut.sides)
            changelog += cut.rows
            marker = CODEC.decode(cut.marker, LaneMarker)
        if said_again:
            place = heard.index(said_again[0]) if said_again[0] in heard else len(heard)
            assert heard[place:] == said_again[: len(heard) - place]
            heard = heard[:place] + said_again
    assert heard == truth


def test_the_memory_is_written_once_in_ten_seconds_and_read_on_from_there() -> None:
    log = log_of(stream(3), 10)
    state = WatchLog(PARTITIONS, CODEC)
    state.start(None)
    writes = []
    for offset, value in enumerate(log):
        state.fold([value], [offset])
        cut = state.cut(offset + 1)
        if cut.rows:
            writes.append(CODEC.decode(cut.marker, LaneMarker).watermark)
    assert 2 <= len(writes) <= 5
    assert all(b - a >= CHECKPOINT_MS for a, b in pairwise(writes))


def test_a_record_that_cannot_be_read_is_a_dead_letter_and_stops_nothing() -> None:
    log = log_of(stream(1), 50)
    state = WatchLog(PARTITIONS, CODEC)
    state.start(None)
    log.insert(3, b"\x00\x00\x00\x00\x0ebroken")
    state.fold(list(log), range(len(log)))
    sides = state.cut(len(log)).sides
    assert [side.topic for side in sides if side.topic == DEAD_LETTERS.name] == [DEAD_LETTERS.name]
    assert verdicts(said(sides))


def test_anybody_may_ask_for_the_signals_of_a_key() -> None:
    state = WatchLog(PARTITIONS, CODEC)
    state.start(None)
    log = log_of(stream(1, 90), 50)
    state.fold(list(log), range(len(log)))
    assert {signal.level for signal in state.signals(Key("acme", "campaign", "bad"))} & {Level.PAUSED}
    assert state.signals(Key("acme", "campaign", "unknown")) == ()


@pytest.mark.parametrize("hours", [1, 30])
def test_a_long_silence_of_the_log_is_not_ticked_through_second_by_second(hours: int) -> None:
    events = stream(1, 5)
    late = T0 + hours * 3_600_000
    values = [*events, (late, event(9_999, late))]
    ticks = [value for value in whole(log_of(values, 10**6)) if CODEC.version_of(value).record is Tick]
    assert 1 <= len(ticks) <= 400
