"""A journey always ends, and is never too large: what is said of one that is."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.journeys.journey import LONGEST_MS, MOST_DATA_BYTES, MOST_DEPTH, MOST_STEPS, Journey
from schemas.journeys.sentences import parse_journey

CALL = {"call": {"webhook": "crm"}}


def said(*steps: Any) -> str:
    found = parse_journey({"id": "a", "tenant": "acme", "enter": {"segment": "vip"}, "steps": list(steps)}, "")
    return "" if isinstance(found, Journey) else "\n".join(map(str, found))


def nested(depth: int) -> Any:
    return CALL if depth == 1 else {"branch": {"if": {"segment": "vip"}, "then": [nested(depth - 1)]}}


def test_so_many_steps_and_no_more() -> None:
    inside = {"branch": {"if": {"segment": "vip"}, "then": [CALL] * (MOST_STEPS - 1)}}
    assert said(inside) == ""
    assert "the journey has 101 steps, more than 100; make two journeys of it" in said(inside, CALL)


def test_so_deep_and_no_deeper() -> None:
    assert said(nested(MOST_DEPTH)) == ""
    assert "steps stand 6 deep in each other, more than 5" in said(nested(MOST_DEPTH + 1))


def test_the_longest_way_counts_and_not_the_sum_of_all() -> None:
    half = {"wait": f"{LONGEST_MS // 2 // 86_400_000}d"}
    ways = {"branch": {"if": {"segment": "vip"}, "then": [half], "else": [half]}}
    until = {"wait_until": {"if": {"segment": "vip"}, "for_at_most": "1d", "else": [half]}}
    assert said(ways, half) == ""
    assert "the longest way takes 367d, more than 366d" in said(until, half)
    assert "the longest way takes 549d" in said(half, ways, half)


def test_data_of_a_call_is_small() -> None:
    room = MOST_DATA_BYTES - len('{"a": ""}')
    assert said({"call": {"webhook": "crm", "data": {"a": "x" * room}}}) == ""
    assert "data has 4,097 bytes, more than 4,096" in said(
        {"call": {"webhook": "crm", "data": {"a": "x" * (room + 1)}}}
    )


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.1, 0.2, 0.7), (1 / 3, 1 / 3, 1 / 3)])
def test_shares_come_to_one(shares: tuple[float, ...]) -> None:
    def split(*given: float) -> str:
        return said({"split": {"salt": "s", "parts": [{"share": share} for share in given]}}, CALL)

    assert split(*shares) == ""
    assert "they must come to 1" in split(*shares, 0.01)
