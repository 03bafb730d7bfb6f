"""The watch is a function of the slots alone: not of the order in them, of repetition, or of restarts."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import numpy as np
import pytest

from schemas.aggregates import KeyKind, Level
from schemas.avro import Codec
from schemas.verdicts import Verdict
from streams.core.compiled import Floats
from streams.core.reputation.delay import DelayCurve
from streams.core.reputation.watch import Watch
from streams.core.reputation.watch.parameters import LATELY, PARAMETERS, Parameters, Place
from streams.core.reputation.watch.profiles import Profiles
from streams.core.reputation.watch.watch import CLOCK, ROWS_A_PART
from tests.unit.streams.core.reputation_cases import START
from tests.unit.streams.core.watch_cases import MINUTE_MS, SLOT, Row, Slot, columns, name_of, take, watch_of

Verdicts = dict[int, list[Verdict]]
Parts = list[tuple[list[bytes], Floats]]
NAMES = [
    name_of(kind.value, key)
    for kind in KeyKind
    for key in (("a|gmail", "b|yahoo") if "_" in kind and kind != "ip_pool" else ("a", "b"))
]
NAMES.append(name_of("tenant", "acme"))


def river(slots: int, seed: int = 1) -> list[Slot]:
    """Seconds of mail to all kinds of keys, good and bad, some of it late."""
    generator = random.Random(seed)
    found: list[Slot] = []
    for slot in range(SLOT, SLOT + slots * 20, 20):
        rows: list[Row] = []
        for name in generator.sample(NAMES, generator.randrange(len(NAMES))):
            for _ in range(generator.randrange(1, 4)):
                late = generator.choice([0, 0, 0, 1, 90])
                counts = {
                    "delivered": generator.randrange(60), "bounced_address": generator.randrange(5),
                    "deferred_reputation": generator.randrange(1, 4), "opened": generator.randrange(9),
                    "refused_listed": generator.randrange(2), "refused_auth": generator.randrange(1),
                    "complained": int(generator.random() < 0.1),
                }  # fmt: skip
                rows.append((name, (slot // 60 - late) * MINUTE_MS, counts))
        found.append((slot, rows))
    return found


def play(watch: Watch, slots: Iterable[Slot], seed: int | None = None) -> Verdicts:
    """Every verdict that is due, by slot; with a seed the rows of each slot come in another order."""
    found: Verdicts = {}
    for slot, rows in slots:
        given = list(rows)
        if seed is not None:
            random.Random(seed + slot).shuffle(given)
        take(watch, slot, *given)
        found[slot] = [watch.verdict(name, slot) for name in watch.due(slot)]
    return found


def as_bytes(verdicts: Verdicts) -> list[bytes]:
    codec = Codec()
    return [codec.encode(verdict) for slot in sorted(verdicts) for verdict in verdicts[slot]]


def split(rows: Sequence[Row]) -> list[Row]:
    """The same counts in more rows, as several partitions and sources have them."""
    halves: list[Row] = []
    for name, minute, counts in rows:
        part = {metric: value // 3 for metric, value in counts.items()}
        halves += [(name, minute, part), (name, minute, {m: v - part[m] for m, v in counts.items()})]
    return halves


def test_the_order_of_rows_in_a_slot_and_how_they_are_cut_change_nothing() -> None:
    slots = river(120)
    expected = as_bytes(play(Watch(), slots))
    assert len(expected) > 100
    assert as_bytes(play(Watch(), slots, seed=7)) == expected
    assert as_bytes(play(Watch(), [(slot, split(rows)) for slot, rows in slots], seed=3)) == expected


def test_checkpoints_are_the_same_bytes_whatever_the_order() -> None:
    first, second = Watch(), Watch()
    play(first, river(60))
    play(second, river(60), seed=2)
    for (names, states), (others, their) in zip(first.rows(), second.rows(), strict=True):
        assert names == others
        assert states.tobytes() == their.tobytes()


@pytest.mark.parametrize(("checkpoints", "replayed_from"), [((30,), 31), ((30,), 5), ((10, 25, 59), 40), ((80,), 0)])
def test_a_checkpoint_and_any_replay_give_the_same_verdicts_bit_for_bit(
    checkpoints: tuple[int, ...], replayed_from: int
) -> None:
    slots = river(120)
    undisturbed, kept = Watch(), []
    expected: Verdicts = {}
    for number, one in enumerate(slots):
        expected |= play(undisturbed, [one])
        if number in checkpoints:
            kept += [(names, states, one[0]) for names, states in undisturbed.rows()]
    again = Watch()
    for names, states, slot in kept:
        again.restore(names, states, slot)
    said = play(again, slots[replayed_from:])
    last = slots[checkpoints[-1]][0]
    assert as_bytes({s: v for s, v in said.items() if s > last}) == as_bytes(
        {s: v for s, v in expected.items() if s > last}
    )
    assert not any(said[slot] for slot in said if slot <= last)
    for (names, states), (others, their) in zip(all_rows(undisturbed), all_rows(again), strict=True):
        assert (names, states.tobytes()) == (others, their.tobytes())


def all_rows(watch: Watch) -> Parts:
    watch._keys[watch._names.used(), 2] = 1
    return watch.rows()


def test_a_checkpoint_of_which_only_the_first_part_was_written_is_one_as_well() -> None:
    slots = river(120)
    watch = Watch()
    expected: Verdicts = {}
    for number, one in enumerate(slots):
        expected |= play(watch, [one])
        if number == 30:
            first = watch.rows()
        if number == 50:
            second = watch.rows()
    again = Watch()
    for names, states in first:
        again.restore(names, states, slots[30][0])
    names, states = second[0]
    again.restore(names[:7], states[:7], slots[50][0])
    said = play(again, slots[12:])
    assert as_bytes({s: v for s, v in said.items() if s > slots[50][0]}) == as_bytes(
        {s: v for s, v in expected.items() if s > slots[50][0]}
    )


def test_what_was_still_to_be_said_at_a_checkpoint_is_said_after_it() -> None:
    watch, name = Watch(), name_of("ip_provider", "192.0.2.1|gmail")
    take(watch, SLOT, (name, START, {"delivered": 10, "bounced_block": 40}))
    assert watch.due(SLOT) == [name]
    take(watch, SLOT + 1, (name, START, {"bounced_block": 1}))
    assert watch.due(SLOT + 1) == []
    again = Watch()
    for names, states in watch.rows():
        again.restore(names, states, SLOT + 1)
    for second in range(2, 12):
        assert again.due(SLOT + second) == watch.due(SLOT + second) == ([name] if second == 5 else [])


def test_a_slot_taken_twice_counts_once() -> None:
    slots = river(30)
    expected = play(Watch(), slots)
    watch = Watch()
    for slot, rows in slots:
        take(watch, slot, *rows)
        said = [watch.verdict(name, slot) for name in watch.due(slot)]
        take(watch, slot, *rows)
        assert watch.due(slot) == []
        assert said == expected[slot]


def test_a_level_is_said_at_once_and_what_follows_every_five_seconds() -> None:
    watch, name = Watch(), name_of()
    bad = {"delivered": 40, "bounced_address": 60}
    said = []
    for second in range(12):
        if second < 8:
            take(watch, SLOT + second, (name, START, bad))
        if watch.due(SLOT + second) == [name]:
            said.append((second, watch.verdict(name, SLOT + second).delivered))
    assert said == [(1, 80), (2, 120), (3, 160), (8, 320)]  # watched, throttled, paused, and the rest


def test_a_key_is_followed_for_seven_days_after_it_was_not_healthy() -> None:
    watch, name = Watch(), name_of("ip_provider", "192.0.2.1|gmail")
    take(watch, SLOT, (name, START, {"delivered": 10, "bounced_block": 10}))
    assert watch.due(SLOT) == [name]
    take(watch, SLOT + 60, (name, START + MINUTE_MS, {"delivered": 5_000}))
    assert watch.due(SLOT + 60) == [name]
    assert watch.verdict(name, SLOT + 60).level == Level.HEALTHY
    day = 86_400
    for after, expected in ((6 * day, [name]), (7 * day - 60, [name]), (7 * day + 60, [])):
        take(watch, SLOT + after, (name, START + after * 1000, {"delivered": 1}))
        assert watch.due(SLOT + after) == expected


def test_with_a_key_in_trouble_its_tenant_is_said_and_no_other() -> None:
    watch = Watch()
    healthy = {"delivered": 5_000}
    tenants = [name_of("tenant", "acme"), name_of("tenant", "beta", tenant="beta")]
    take(watch, SLOT, *((name, SLOT // 60 * MINUTE_MS, healthy) for name in tenants))
    assert watch.due(SLOT) == []
    bad = name_of("campaign", "spring")
    for slot in range(SLOT + 1, SLOT + 21):
        take(watch, slot, (bad, slot // 60 * MINUTE_MS, {"delivered": 8, "bounced_address": 8}))
        assert watch.due(slot) in ([], [bad, tenants[0]])
    assert watch.level(bad) == Level.PAUSED
    said = watch.verdict(tenants[0], slot)
    assert (said.level, said.delivered) == (Level.HEALTHY, 5_000)


def test_a_healthy_key_is_never_said() -> None:
    watch, name = Watch(), name_of()
    for second in range(100):
        take(watch, SLOT + second, (name, START, {"delivered": 49, "bounced_address": 1}))
        assert watch.due(SLOT + second) == []


def test_a_verdict_carries_all_counts_and_times() -> None:
    watch, name = watch_of({0: {"delivered": 1000, "bounced_address": 60}, 300: {"delivered": 500, "opened": 7}})
    slot = SLOT + 300 * 60 + 59
    verdict = watch.verdict(name, slot)
    assert (verdict.tenant, verdict.kind, verdict.key) == ("acme", "campaign", "spring")
    assert (verdict.delivered, verdict.bounced_address, verdict.opened) == (1500, 60, 7)
    assert verdict.at == (slot + 1) * 1000
    assert verdict.event_at == START + 301 * MINUTE_MS
    assert verdict.began_at == SLOT * 1000
    assert 500 < verdict.exposed < 700
    assert verdict.parameters == PARAMETERS.version
    assert [signal.detector for signal in verdict.signals] == ["bounce_cusum", "complaint_exposure", "complaint_cusum"]


def test_an_unknown_key_has_no_signals_and_no_verdict() -> None:
    assert Watch().signals(name_of()) == ()
    with pytest.raises(KeyError):
        Watch().verdict(name_of(), SLOT)


def test_a_kind_that_nobody_knows_is_counted_and_healthy() -> None:
    watch, name = watch_of({0: {"delivered": 1, "bounced_address": 900}}, kind="galaxy")
    assert watch.verdict(name, SLOT + 59).level == Level.HEALTHY
    assert watch.verdict(name, SLOT + 59).bounced_address == 900


def test_event_time_is_never_ahead_of_the_slot() -> None:
    watch, name = Watch(), name_of()
    take(watch, SLOT, (name, START + 10**9, {"delivered": 100}))
    assert watch.verdict(name, SLOT).event_at == START + MINUTE_MS


def test_a_key_idle_for_thirty_days_is_forgotten_and_begins_anew() -> None:
    watch = Watch()
    take(watch, SLOT, (name_of(key="a"), START, {"delivered": 9}), (name_of(key="b"), START, {"delivered": 9}))
    later = SLOT + 29 * 86_400
    take(watch, later, (name_of(key="a"), later * 1000, {"delivered": 1}))
    assert watch.forget(later) == []
    assert watch.forget(SLOT + 30 * 86_400 + 1) == [name_of(key="b")]
    assert len(watch) == 1
    take(watch, later + 2 * 86_400, (name_of(key="b"), later * 1000, {"delivered": 1}))
    assert watch.verdict(name_of(key="b"), later).delivered == 1


def test_a_checkpoint_comes_in_parts_of_a_bounded_size_with_the_clock_last() -> None:
    watch = Watch()
    rows = [(name_of(key=str(number)), START, {"delivered": 1}) for number in range(ROWS_A_PART + 5)]
    take(watch, SLOT, *rows)
    parts = watch.rows()
    assert [len(names) for names, _ in parts] == [ROWS_A_PART, 6]
    assert parts[-1][0][-1] == CLOCK
    assert watch.rows() == []


def test_a_state_of_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match="another version"):
        Watch().restore([name_of()], np.zeros((1, 3)), SLOT)


def test_many_keys_have_the_states_that_each_has_alone() -> None:
    slots = river(60)
    together = Watch()
    play(together, slots)
    alone = Watch()
    for slot, rows in slots:
        for name in sorted({row[0] for row in rows}):
            names, minutes, counts = columns([row for row in rows if row[0] == name])
            alone.take(slot, names, minutes, counts)
        alone.due(slot)
    last = slots[-1][0]
    for name in NAMES:
        assert together.verdict(name, last).delivered == alone.verdict(name, last).delivered


@pytest.mark.parametrize("kind", list(KeyKind))
def test_every_kind_is_watched_by_at_most_one_refusal_detector(kind: KeyKind) -> None:
    places = PARAMETERS.detectors_of(kind.value, "a|gmail")
    numbers = [place.number for place in places]
    assert numbers
    assert len(set(numbers)) == len(numbers)
    assert sum(isinstance(place, Place) and place.number in (0, 3) for place in places) <= 1
    assert LATELY == 2


def test_keys_share_their_numbers_exactly_if_the_same_is_learned_of_them() -> None:
    quick = DelayCurve(fast_h=0.3, slow_h=0.3, sigma=1.3)
    learned = Parameters(version="x", curves={"gmail": quick}, base_rates={"1.2.3.4|yahoo": 0.2, "web": 0.1})
    ends = ("gmail", "yahoo", "web", "other")
    asked = [(kind.value, key) for kind in KeyKind for end in ends for key in (end, f"1.2.3.4|{end}", f"5.6.7.8|{end}")]
    profiles = Profiles(learned).of([name_of(kind, key) for kind, key in [*asked, ("no_kind", "a|gmail")]])
    numbers: dict[object, int] = {}
    for (kind, key), profile in zip(asked, profiles.tolist(), strict=False):
        watched = learned.detectors_of(kind, key), learned.curve_of(kind, key)
        assert numbers.setdefault(watched, profile) == profile
    assert len(set(numbers.values())) == len(numbers) > 10
