"""The guard: one poison record costs one dead letter, what may succeed later is tried again, within a bound."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from schemas.errors import Transient
from streams.lane.guard import apart, persist


def doubled(items: Sequence[int]) -> list[int]:
    if 3 in items:
        raise ValueError("three")
    return [item * 2 for item in items]


def test_a_batch_without_poison_is_worked_on_as_a_whole() -> None:
    calls: list[int] = []

    def work(items: Sequence[int]) -> list[int]:
        calls.append(len(items))
        return doubled(items)

    assert apart([1, 2, 4], work) == ([([0, 1, 2], [2, 4, 8])], {})
    assert calls == [3]


def test_a_poison_record_is_found_and_the_others_are_done() -> None:
    results, poison = apart([1, 3, 4, 3], doubled)
    assert results == [([0], [2]), ([2], [8])]
    assert {position: str(error) for position, error in poison.items()} == {1: "three", 3: "three"}


async def test_what_is_transient_is_tried_again_until_it_succeeds() -> None:
    waits: list[float] = []
    answers = [Transient("away"), Transient("still away", 0.7), None]

    async def attempt() -> str:
        answer = answers.pop(0)
        if answer:
            raise answer
        return "done"

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    assert await persist("writing", attempt, sleep=sleep) == "done"
    assert waits == [0.1, 0.7]


async def test_nothing_is_tried_for_ever() -> None:
    waits: list[float] = []

    async def attempt() -> None:
        raise Transient("away")

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    with pytest.raises(Transient):
        await persist("writing", attempt, patience_s=20, sleep=sleep)
    assert 10 < sum(waits) <= 20


async def test_what_is_not_transient_is_not_tried_again() -> None:
    tries: list[int] = []

    async def attempt() -> None:
        tries.append(1)
        raise KeyError("a defect")

    with pytest.raises(KeyError):
        await persist("writing", attempt)
    assert len(tries) == 1
