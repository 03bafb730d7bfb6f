"""Rules that come in the log: a segment is built with its past, and live at the same place for whoever reads."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from schemas.announcements import PastFact, PastRead, RulesAnnounced
from schemas.events import ActivityEvent
from schemas.segments.canonical import rule_version
from schemas.transitions import RULE
from tests.segment_stand_in import DAY, rules, segment
from tests.unit.streams.agents.segment_life import CODEC, START, Life, lived, of_each, order, tick, undisturbed


def past(number: int, recipient: int, at: int) -> bytes:
    return CODEC.encode(
        PastFact(
            tenant="acme", recipient_key=f"{recipient:032x}", event_id=f"{number:032x}", name="order_completed",
            occurred_at=at, properties="", traits="",
        )
    )  # fmt: skip


def building_log() -> list[bytes]:
    """A segment of 30 days becomes one of 60 days, whose past comes from elsewhere: orders before the log begins."""
    dice = Random(5)
    orders = [order(number, dice.randrange(120), START + number * DAY // 20) for number in range(400)]
    old = [past(1_000 + number, dice.randrange(150), START - dice.randrange(50) * DAY) for number in range(300)]
    again = [past(number, 3, START + number * DAY // 20) for number in range(0, 200, 7)]
    begins = CODEC.encode(rules(segment(), building=[segment("60d")], number=2))
    ends = CODEC.encode(rules(segment("60d"), number=3))
    read = CODEC.encode(PastRead(tenant="acme", facts=300))
    before = [*orders[:200], begins, *orders[200:250], *old, *again, read, *orders[250:300]]
    return [*before, ends, *orders[300:], tick(START + 70 * DAY)]


def decoded(log: list[bytes], record: type[Any]) -> list[Any]:
    return [CODEC.decode(value, record) for value in log if value.startswith(CODEC.header(record))]


def test_a_segment_that_is_built_says_nothing_until_it_is_live_and_knows_the_past_then(
    tmp_path: Path, lives: list[Life]
) -> None:
    life = Life(tmp_path, [])
    lives.append(life)
    log = building_log()
    ends = len(log) - 102
    life.read(log, ends)
    life.flush()
    old, new = rule_version(segment()), rule_version(segment("60d"))
    assert {item.rule_version for item in life.said()} == {old}
    assert life.state.past == {"acme": 300}
    life.read(log, len(log) - 1)
    while life.state.fire():
        pass
    life.flush()
    entered = [item for item in life.said() if (item.rule_version, item.is_member, item.cause) == (new, 1, RULE)]
    at = START + 299 * DAY // 20
    assert {item.detected_at for item in entered} == {at}
    by_hand = {fact.recipient_key for fact in decoded(log, PastFact) if fact.occurred_at > at - 60 * DAY}
    by_hand |= {event.recipient_key for event in decoded(log[:ends], ActivityEvent)}
    assert {item.recipient_key for item in entered} == by_hand
    assert len({item.recipient_key for item in life.said() if item.rule_version == old}) < len(by_hand)
    left = [item for item in life.said() if (item.rule_version, item.cause) == (old, RULE)]
    assert {item.is_member for item in left} == {0}


@pytest.mark.parametrize("seed", range(4))
def test_rules_in_the_log_change_at_their_place_however_it_is_cut_and_whoever_reads_it(
    tmp_path: Path, seed: int
) -> None:
    log = building_log()
    said, _ = lived(tmp_path, log, Random(200 + seed))
    found = of_each(said)
    assert found == of_each(undisturbed(tmp_path, log))
    assert len(found) > 100


def test_an_announcement_that_is_not_newer_and_one_that_cannot_be_read_change_nothing(
    tmp_path: Path, lives: list[Life]
) -> None:
    life = Life(tmp_path, [])
    lives.append(life)
    older = CODEC.encode(rules(segment(id_="other"), number=1))
    broken = CODEC.header(RulesAnnounced) + b"\xff"
    life.read([older, broken, order(1, 1, START)], 3)
    life.flush()
    assert [item.segment_id for item in life.said()] == ["recent-buyers"]
    assert [(letter.origin_offset, letter.code) for letter in life.letters()] == [(1, "undecodable")]
