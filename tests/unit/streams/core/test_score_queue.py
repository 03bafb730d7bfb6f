"""Who is scored next."""

from __future__ import annotations

from streams.core.reputation.ledger import Key
from streams.core.reputation.queue import ScoreQueue


def campaign(name: str) -> Key:
    return Key("acme", "campaign", name)


def test_the_key_not_scored_for_longest_comes_first_however_often_others_change() -> None:
    queue = ScoreQueue()
    busy = [campaign(f"busy-{n}") for n in range(4)]
    queue.add(busy, is_news=True)
    assert queue.take(4) == busy
    queue.add([*busy, campaign("quiet")], is_news=True)
    assert campaign("quiet") in queue.take(2)
    assert len(queue) == 3


def test_with_more_changes_than_time_every_key_gets_its_turn() -> None:
    queue, scored = ScoreQueue(), []
    keys = [campaign(f"c{n}") for n in range(9)]
    for _ in range(3):
        queue.add(keys, is_news=True)
        scored += queue.take(3)
    assert sorted(scored) == keys


def test_what_a_restart_found_comes_after_what_has_changed_since() -> None:
    queue = ScoreQueue()
    queue.add([campaign("old"), campaign("both")], is_news=False)
    queue.add([campaign("new"), campaign("both")], is_news=True)
    assert set(queue.take(2)) == {campaign("new"), campaign("both")}
    assert queue.take(9) == [campaign("old")]
    assert len(queue) == 0


def test_narrow_kinds_of_one_turn_come_first() -> None:
    queue = ScoreQueue()
    queue.add([Key("acme", "tenant", "acme"), Key("acme", "ip", "192.0.2.1"), campaign("c")], is_news=True)
    assert [key.kind for key in queue.take(3)] == ["campaign", "ip", "tenant"]


def test_a_forgotten_key_waits_no_more() -> None:
    queue = ScoreQueue()
    queue.add([campaign("a")], is_news=True)
    queue.add([campaign("b")], is_news=False)
    queue.forget([campaign("a"), campaign("b"), campaign("never seen")])
    assert queue.take(5) == []
