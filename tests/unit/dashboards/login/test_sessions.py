"""Sessions and attempts by a clock that only moves when told to."""

from __future__ import annotations

from dashboards.console.login.attempts import Attempts
from dashboards.console.login.person import ANYBODY
from dashboards.console.login.sessions import Sessions

HOUR, MINUTE = 3_600_000, 60_000


def sessions(most: int = 100) -> Sessions:
    return Sessions(12 * HOUR, HOUR, most)


def test_a_session_is_found_by_what_the_browser_has_and_by_nothing_else() -> None:
    table = sessions()
    id_ = table.open(ANYBODY, "proof", 0)
    assert len(id_) >= 43  # 256 bits
    found = table.use(id_, 1)
    assert found
    assert found.proof == "proof"
    assert table.use("", 1) is None
    assert table.use(id_ + "x", 1) is None


def test_a_session_without_use_ends_after_an_hour_and_one_in_use_goes_on() -> None:
    table = sessions()
    used, left = table.open(ANYBODY, "", 0), table.open(ANYBODY, "", 0)
    assert table.use(used, HOUR - 1)
    assert table.use(left, HOUR) is None
    assert table.use(used, 2 * HOUR - 2)


def test_a_session_in_use_ends_at_its_time_all_the_same() -> None:
    table = sessions()
    id_ = table.open(ANYBODY, "", 0)
    for now in range(0, 12 * HOUR, HOUR // 2):
        assert table.use(id_, now)
    assert table.use(id_, 12 * HOUR) is None
    assert len(table) == 0


def test_a_closed_session_is_none() -> None:
    table = sessions()
    id_ = table.open(ANYBODY, "", 0)
    table.close(id_)
    assert table.use(id_, 1) is None


def test_of_too_many_sessions_the_longest_unused_makes_room() -> None:
    table = sessions(most=2)
    first, second = table.open(ANYBODY, "", 0), table.open(ANYBODY, "", 1)
    assert table.use(first, 2)
    third = table.open(ANYBODY, "", 3)
    assert [bool(table.use(id_, 4)) for id_ in (first, second, third)] == [True, False, True]


def test_after_so_many_failures_a_key_waits_until_the_first_is_a_window_old() -> None:
    attempts = Attempts(3, window_ms=15 * MINUTE)
    for now in (0, MINUTE, 2 * MINUTE):
        assert attempts.wait_ms("dana", now) == 0
        attempts.note("dana", now)
    assert attempts.wait_ms("dana", 3 * MINUTE) == 12 * MINUTE
    assert attempts.wait_ms("erin", 3 * MINUTE) == 0
    assert attempts.wait_ms("dana", 15 * MINUTE) == 0


def test_a_right_try_is_no_failure_and_forgives_no_other() -> None:
    attempts = Attempts(2)
    attempts.note("dana", 0)
    attempts.note("dana", 1)
    attempts.take_back("dana")
    assert attempts.wait_ms("dana", 2) == 0
    attempts.note("dana", 3)
    assert attempts.wait_ms("dana", 4) > 0


def test_whatever_is_tried_the_table_stays_small() -> None:
    attempts = Attempts(1, keys=10)
    for number in range(100):
        attempts.note(f"n{number}", number)
    assert attempts.wait_ms("n99", 100) > 0
    assert attempts.wait_ms("n89", 100) == 0
