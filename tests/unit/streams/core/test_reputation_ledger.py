"""The ledger is a function of the set of partials."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.aggregates import KeyKind, ReputationPartial, ReputationScore
from streams.core.counting import row_key
from streams.core.reputation.ledger import Key, Ledger, narrow_first
from streams.core.reputation.partial_rows import read_partials
from streams.core.reputation.score import score
from streams.core.reputation.series import MINUTE_MS
from tests.unit.streams.core.reputation_cases import CODEC, START, apply, partial_of

SPRING = Key("acme", "campaign", "spring")


@st.composite
def streams(draw: st.DrawFn) -> list[ReputationPartial]:
    """What the reputation service may write: per partition rising offsets and watermarks, counts that grow."""
    records = []
    for partition in range(draw(st.integers(1, 3))):
        held: dict[tuple[int, str, str], dict[str, int]] = {}
        watermark = 0
        for offset in range(draw(st.integers(0, 12))):
            minute = draw(st.integers(0, 5000))
            source, kind = draw(st.sampled_from(["a", "b"])), draw(st.sampled_from(["campaign", "ip"]))
            watermark = max(watermark, minute)
            counts = held.setdefault((minute, source, kind), {"delivered": 0, "bounced_address": 0, "complained": 0})
            counts[draw(st.sampled_from(sorted(counts)))] += draw(st.integers(1, 300))
            records.append(
                partial_of(
                    minute, offset, partition=partition, watermark_min=watermark, source=source, kind=kind, **counts
                )
            )
    return records


def scores(records: list[ReputationPartial], *, forgetting: bool = False) -> list[ReputationScore]:
    ledger = Ledger()
    for record in records:
        apply(ledger, record)
        if forgetting:
            ledger.forget()
    return [as_of_now(ledger, key) for key in sorted(ledger.keys())]


def as_of_now(ledger: Ledger, key: Key) -> ReputationScore:
    return replace(score(ledger.view(key), (), 0), oldest_new_received_at=0)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_order_and_any_repetition_of_the_partials_give_the_same_scores(data: st.DataObject) -> None:
    records = data.draw(streams())
    again = records + [data.draw(st.sampled_from(records)) for _ in range(len(records) // 2)]
    shuffled = data.draw(st.permutations(again))
    assert scores(shuffled) == scores(records)
    at_once = Ledger()
    apply(at_once, *shuffled)
    assert [as_of_now(at_once, key) for key in sorted(at_once.keys())] == scores(records)


@settings(max_examples=15, deadline=None)
@given(streams())
def test_forgetting_never_changes_a_score(records: list[ReputationPartial]) -> None:
    known = {(s.tenant, s.kind, s.key): s for s in scores(records)}
    for seen in scores(records, forgetting=True):
        assert seen == known[seen.tenant, seen.kind, seen.key]


def test_a_newer_offset_replaces_the_minute_and_an_older_one_is_ignored() -> None:
    ledger = Ledger()
    assert apply(ledger, partial_of(0, 5, delivered=10))
    assert apply(ledger, partial_of(0, 9, delivered=25))
    assert not apply(ledger, partial_of(0, 7, delivered=18))
    assert not apply(ledger, partial_of(0, 9, delivered=25))
    assert ledger.view(SPRING).total("delivered") == 25


def test_partitions_and_sources_of_one_minute_add_up() -> None:
    ledger = Ledger()
    apply(ledger, partial_of(0, 5, delivered=10))
    apply(ledger, partial_of(0, 5, partition=1, delivered=3))
    apply(ledger, partial_of(0, 6, source="mta", delivered=2))
    view = ledger.view(SPRING)
    assert view.column("delivered").tolist() == [15]
    assert view.sources == ("esp", "mta")


def test_minutes_leave_the_view_72_hours_after_they_were_sent() -> None:
    ledger = Ledger()
    apply(ledger, partial_of(0, 1, delivered=7))
    apply(ledger, partial_of(72 * 60, 2, delivered=1))
    assert ledger.view(SPRING).total("delivered") == 8
    apply(ledger, partial_of(72 * 60 + 1, 3, delivered=1))
    assert ledger.view(SPRING).total("delivered") == 2
    ledger.forget()
    assert not apply(ledger, partial_of(0, 4, delivered=9))
    assert ledger.view(SPRING).total("delivered") == 2


def test_a_minute_from_a_clock_that_was_days_ahead_hides_nothing() -> None:
    ledger = Ledger()
    apply(ledger, partial_of(0, 1, delivered=7))
    apply(ledger, partial_of(10 * 24 * 60, 2, delivered=1, watermark=START + MINUTE_MS))
    assert apply(ledger, partial_of(2, 3, delivered=5))
    assert ledger.view(SPRING).total("delivered") >= 12


def test_changed_keys_come_once_and_narrow_keys_come_first() -> None:
    ledger = Ledger()
    for kind in (KeyKind.TENANT, KeyKind.IP, KeyKind.CAMPAIGN, KeyKind.IP_PROVIDER):
        apply(ledger, partial_of(0, 1, kind=kind.value))
    assert [key.kind for key in narrow_first(ledger.changed())] == ["campaign", "ip_provider", "ip", "tenant"]
    assert ledger.changed() == []
    apply(ledger, partial_of(0, 1))
    assert ledger.changed() == []


def test_keys_idle_for_four_days_are_forgotten() -> None:
    ledger = Ledger()
    apply(ledger, partial_of(0, 1, key="old"))
    apply(ledger, partial_of(0, 1, watermark_min=4 * 24 * 60 + 1))
    ledger.forget()
    assert ledger.keys() == [SPRING]


def test_keys_of_thousands_of_minutes_and_sources_are_forgotten_bit_by_bit_and_made_again() -> None:
    ledger, day = Ledger(), 24 * 60
    for offset, minute in enumerate(range(0, 8 * day, 7)):
        apply(ledger, partial_of(minute, offset, key=f"k{offset % 3}", source=f"s{minute // day}", delivered=1))
        if offset % 50 == 0:
            ledger.forget()
            if offset % 300 == 0:
                ledger.changed()
    ledger.forget()
    view = ledger.view(Key("acme", "campaign", "k0"))
    assert np.diff(view.minutes).tolist() == [21 * MINUTE_MS] * (len(view.minutes) - 1)
    assert view.minutes[0] >= view.as_of - 3 * day * MINUTE_MS
    assert view.total("delivered") == len(view.minutes) == 3 * day // 21 + 1
    assert view.sources == ("s5", "s6", "s7")
    apply(ledger, partial_of(13 * day, 9_999, key="new"))
    assert sorted(key.key for key in ledger.forget()) == ["k0", "k1", "k2"]
    apply(ledger, partial_of(13 * day + 1, 10_000, key="k9"))
    assert [key.key for key in narrow_first(ledger.changed())] == ["k9", "new"], "what is forgotten has not changed"


def test_a_record_whose_key_is_none_of_ours_is_named_and_left_out() -> None:
    made = [partial_of(minute, minute, delivered=3) for minute in range(3)]
    keys = [row_key(p.tenant, p.kind, p.key, p.source, p.minute) for p in made]
    keys[1] = b"odd\x1fkey"
    rows, broken = read_partials(keys, [CODEC.encode(p) for p in made], np.zeros(3, np.int64), CODEC)
    assert [str(error) for error in broken.values()] == [r"no partial has the key b'odd\x1fkey'"]
    assert list(broken) == [1]
    ledger = Ledger()
    assert ledger.apply(rows) == 2
    assert ledger.view(SPRING).total("delivered") == 6


def test_a_score_knows_its_longest_waiting_event_since_the_last_score() -> None:
    ledger = Ledger()
    apply(ledger, partial_of(0, 4))
    apply(ledger, partial_of(1, 9))
    assert ledger.view(SPRING).oldest_new_received_at == START + 4
    ledger.changed()
    apply(ledger, partial_of(2, 12))
    assert ledger.view(SPRING).oldest_new_received_at == START + 4, "it was listed and is still waiting"
    ledger.scored([SPRING, Key("nobody", "ip", "")])
    assert ledger.view(SPRING).oldest_new_received_at == 0
    apply(ledger, partial_of(3, 12))
    assert ledger.view(SPRING).oldest_new_received_at == START + 12
    assert ledger.view(SPRING).newest_received_at == START + 12


def test_out_of_order_minutes_are_seen_in_order() -> None:
    ledger = Ledger()
    for minute in (5, 1, 3):
        apply(ledger, partial_of(minute, minute, delivered=minute))
    view = ledger.view(SPRING)
    assert view.column("delivered").tolist() == [1, 3, 5]
    assert view.minutes.tolist() == [START + minute * MINUTE_MS for minute in (1, 3, 5)]
    assert view.as_of == START + 5 * MINUTE_MS


def test_the_version_rises_with_every_counted_event_also_when_old_minutes_leave() -> None:
    ledger = Ledger()
    versions = []
    for offset, (minute, delivered) in enumerate(
        [(0, 50_000), (0, 50_001), (1, 1), (72 * 60 + 5, 1), (72 * 60 + 5, 2)]
    ):
        apply(ledger, partial_of(minute, offset, delivered=delivered))
        versions.append(ledger.view(SPRING).version)
    assert versions == sorted(set(versions))


def test_the_upper_half_of_a_version_is_its_time_in_seconds() -> None:
    ledger = Ledger()
    apply(ledger, partial_of(3, 0, delivered=50_000))
    view = ledger.view(SPRING)
    assert view.version >> 32 == view.as_of // 1000  # dashboards/queries/key_scores.sql finds a span by it


def test_rows_read_back_say_nothing_about_latency() -> None:
    made = partial_of(0, 4, delivered=3)
    key = row_key(made.tenant, made.kind, made.key, made.source, made.minute)
    rows, _ = read_partials([key], [CODEC.encode(made)], np.zeros(1, np.int64), CODEC)
    ledger = Ledger()
    ledger.apply(rows.without_latency())
    view = ledger.view(SPRING)
    assert (view.total("delivered"), view.oldest_new_received_at) == (3, 0)
