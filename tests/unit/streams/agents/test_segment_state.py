"""One partition's segments: the same log gives the same transitions, however it is cut into batches and lives."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest

from schemas.errors import FailureCode
from schemas.segments.canonical import rule_version
from schemas.transitions import RULE, SegmentTransition
from tests.segment_stand_in import DAY, WITHIN, rules, segment
from tests.unit.streams.agents.segment_life import CODEC, START, Life, lived, of_each, order, tick, undisturbed


@pytest.fixture
def log() -> list[bytes]:
    """Orders of 200 recipients over 100 days, some late, and a tick now and then."""
    dice = Random(8)
    made, clock = [], START
    for number in range(1_200):
        clock += dice.randrange(4 * 3_600_000)
        late = dice.randrange(3 * DAY) if dice.random() < 0.15 else 0
        made.append(tick(clock) if dice.random() < 0.2 else order(number, dice.randrange(200), clock - late))
    return [*made, tick(clock + WITHIN)]


def test_somebody_enters_with_an_event_and_leaves_by_time_at_the_very_instant(
    tmp_path: Path, lives: list[Life]
) -> None:
    life = Life(tmp_path, [])
    lives.append(life)
    log = [order(7, 1, START), tick(START + WITHIN - 1), tick(START + WITHIN + 999)]
    for upto in (1, 2):
        life.read(log, upto)
        assert not life.state.fire()
    life.flush()
    (entered,) = life.said()
    life.read(log, 3)
    assert not life.state.fire()
    life.flush()
    left = life.said()[1]
    assert (entered.is_member, entered.effective_at, entered.detected_at) == (1, START, START)
    assert (entered.cause, entered.number) == (f"{7:032x}", 1)
    assert entered.rule_version == left.rule_version == rule_version(segment())
    assert (left.is_member, left.effective_at, left.detected_at, left.cause) == (0, START + WITHIN, START + WITHIN, "")
    assert (left.number, left.segment_id, left.tenant) == (2, "recent-buyers", "acme")
    assert entered.transition_id != left.transition_id


@pytest.mark.parametrize("seed", range(6))
def test_batches_flushes_and_when_timers_fire_change_nothing(
    tmp_path: Path, log: list[bytes], lives: list[Life], seed: int
) -> None:
    dice = Random(seed)
    life = Life(tmp_path / "cut", [])
    lives.append(life)
    while life.next < len(log):
        life.read(log, min(len(log), life.next + dice.randrange(1, 60)))
        if dice.random() < 0.5:
            life.state.fire(dice.randrange(1, 5))
        if dice.random() < 0.3:
            life.flush()
    while life.state.fire(3):
        pass
    life.flush()
    expected = undisturbed(tmp_path, log)
    assert of_each(life.said()) == of_each(expected)
    assert len(expected) > 400
    assert max(Counter(item.transition_id for item in expected).values()) == 1
    assert {item.cause == "" for item in expected} == {True, False}


@pytest.mark.parametrize("seed", range(8))
def test_lives_that_end_anywhere_say_everything_once(tmp_path: Path, log: list[bytes], seed: int) -> None:
    said, _ = lived(tmp_path, log, Random(100 + seed))
    assert of_each(said) == of_each(undisturbed(tmp_path, log))


def test_a_poison_fact_and_a_poison_record_are_dead_letters_and_cost_nothing_else(
    tmp_path: Path, lives: list[Life]
) -> None:
    life = Life(tmp_path, [])
    lives.append(life)
    log = [order(1, 1, START), order(2, 1, START + 1, "poison"), b"junk", order(3, 2, START + 2), tick(START + WITHIN)]
    life.read(log, len(log))
    life.state.fire()
    life.flush()
    assert [(letter.origin_offset, letter.code, letter.stage) for letter in life.letters()] == [
        (2, "undecodable", "segments"), (1, "unexpected", "segments"),
    ]  # fmt: skip
    assert life.letters()[1].original == log[1]
    assert "poison" in life.letters()[1].reason
    assert [(item.recipient_key[-1], item.is_member) for item in life.said()] == [("1", 1), ("2", 1), ("1", 0)]
    assert life.state.buried() == [FailureCode.UNDECODABLE, FailureCode.UNEXPECTED]
    assert life.state.buried() == []


def test_a_recipient_whose_timer_fails_is_a_dead_letter_and_left_alone_until_its_next_event(
    tmp_path: Path, lives: list[Life]
) -> None:
    life = Life(tmp_path, [])
    lives.append(life)
    dead = (0x1DEAD, 0x2DEAD)
    log = [*(order(number, number, START) for number in (*dead, 5)), tick(START + WITHIN), tick(START + WITHIN + 1)]
    life.read(log, 4)
    assert not life.state.fire()
    life.read(log, 5)
    assert not life.state.fire()
    life.flush()
    assert [(letter.code, "timer" in letter.reason) for letter in life.letters()] == [("unexpected", True)] * 2
    assert len({letter.dead_letter_id for letter in life.letters()}) == 2
    assert [(item.recipient_key[-1], item.is_member) for item in life.said()][-1] == ("5", 0)


def test_a_flood_of_timers_fires_in_pieces_and_a_fact_in_between_needs_no_timer(
    tmp_path: Path, lives: list[Life]
) -> None:
    life = Life(tmp_path, [])
    lives.append(life)
    log = [order(number, number, START) for number in range(500)]
    log += [tick(START + WITHIN), order(600, 499, START + WITHIN)]
    life.read(log, len(log) - 1)
    assert life.state.fire(200)
    assert life.state.totals.behind_ms == 0
    life.read(log, len(log))
    life.flush()
    ends = [item for item in life.said() if item.recipient_key == f"{499:032x}"]
    assert [(item.is_member, item.effective_at - START) for item in ends] == [(1, 0), (0, WITHIN), (1, WITHIN)]
    fired = 1
    while life.state.fire(100):
        fired += 1
    life.flush()
    assert fired == 3
    assert sum(1 - item.is_member for item in life.said()) == 500


@pytest.mark.parametrize("seed", range(4))
def test_other_rules_end_what_is_gone_and_begin_what_is_new_for_everybody_once(
    tmp_path: Path, lives: list[Life], seed: int
) -> None:
    dice = Random(seed)
    changelog: list[tuple[bytes, bytes | None]] = []
    was, now = (segment("20d"), segment("30d", "kept"), segment(id_="gone")), (segment("40d"), segment("30d", "kept"))
    first = Life(tmp_path, changelog, *was)
    log = [*(order(number, number, START + number) for number in range(100)), tick(START + 25 * DAY)]
    first.read(log, len(log))
    while first.state.fire():
        pass
    first.flush()
    first.rows.close()
    said: list[SegmentTransition] = []
    is_over = False
    while not is_over:
        life = Life(tmp_path, changelog, *now, is_disk_kept=dice.random() < 0.5)
        for _ in range(dice.randrange(4)):
            is_over = not life.state.fire(dice.randrange(1, 30))
            if dice.random() < 0.5:
                life.flush()
        is_over = is_over and life.state.unwritten == 0
        said += life.said()
        life.rows.close()
    versions = [rule_version(each) for each in (segment("40d"), segment(id_="gone"))]
    expected = [("gone", versions[1], 0, 1), ("recent-buyers", versions[0], 1, 2)]
    found = of_each(said)
    assert len(found) == 100
    for values in found.values():
        changes = [CODEC.decode(value, SegmentTransition) for value in values]
        assert [(c.segment_id, c.rule_version, c.is_member, c.number - 4) for c in changes] == expected
        assert {(c.cause, c.detected_at) for c in changes} == {("rule", START + 25 * DAY)}
    last = Life(tmp_path, changelog, *now)
    lives.append(last)
    last.state.fold([tick(START + 50 * DAY)], [len(log)])
    while last.state.fire():
        pass
    last.flush()
    ends = Counter((change.segment_id, change.is_member, change.cause) for change in last.said())
    assert ends == {("kept", 0, ""): 100, ("recent-buyers", 0, ""): 100}


def test_rules_that_change_in_the_middle_are_as_if_a_new_life_had_begun_with_them(
    tmp_path: Path, lives: list[Life]
) -> None:
    was, now = (segment("20d"), segment(id_="gone")), (segment("40d"), segment("30d", "new"))
    log = [*(order(number, number % 60, START + number) for number in range(100)), tick(START + 25 * DAY)]
    later = [order(200, 3, START + 26 * DAY), tick(START + 41 * DAY)]
    said = []
    for name, is_reloaded in (("reloaded", True), ("restarted", False)):
        life = Life(tmp_path / name, [], *was)
        life.read(log, len(log))
        life.state.fire(10)
        life.flush()
        told = life.said()
        if is_reloaded:
            life.flushed.clear()
            life.state.use(rules(*now, number=2))
        else:
            life.rows.close()
            life = Life(tmp_path / name, life.changelog, *now)
        lives.append(life)
        life.read([*log, *later], len(log) + len(later))
        while life.state.fire(7):
            pass
        life.flush()
        said.append(sorted((each.recipient_key, each.number, each.transition_id) for each in [*told, *life.said()]))
    assert said[0] == said[1]
    causes = {each.cause for each in lives[0].said()}
    assert RULE in causes
