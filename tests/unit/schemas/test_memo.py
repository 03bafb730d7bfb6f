"""A memo works a result out once, holds a bounded number of them, and remembers nothing that failed."""

from __future__ import annotations

import pytest

from schemas.memo import Memo


def test_a_result_is_worked_out_once() -> None:
    asked: list[int] = []

    def double(number: int) -> int:
        asked.append(number)
        return 2 * number

    memo = Memo(double, 10)
    assert [memo[2], memo[3], memo[2]] == [4, 6, 4]
    assert asked == [2, 3]


def test_it_never_holds_more_than_its_size_and_stays_right() -> None:
    memo = Memo(str, 3)
    for number in [*range(10), *range(10)]:
        assert memo[number] == str(number)
        assert len(memo) <= 3


def test_what_does_not_fit_is_answered_and_not_kept() -> None:
    memo = Memo(str.upper, 10, lambda key, _value: len(key) < 4)
    assert (memo["abc"], memo["abcd"]) == ("ABC", "ABCD")
    assert list(memo) == ["abc"]


def test_a_failure_is_raised_and_not_kept() -> None:
    memo: Memo[str, int] = Memo(int, 10)
    with pytest.raises(ValueError, match="invalid literal"):
        memo["x"]
    assert not memo
