"""Answers that are kept: for a moment, for longer where they took long, a bounded number of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any, cast

import pytest

from dashboards.console.kept import Kept
from dashboards.console.scope import EVERYTHING, scope_of, within
from dashboards.console.store import ForPeople, Table
from dashboards.queries import BadParameterError, NamedQuery
from schemas.errors import Transient
from tests.unit.dashboards.fakes import Clock


class Slow:
    """Stands for the store: counts, and takes its time."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds, self.asked, self.is_away = seconds, list[dict[str, Any]](), False

    async def run(self, _named: NamedQuery, parameters: Mapping[str, int | str]) -> Table:
        self.asked.append(dict(parameters))
        await asyncio.sleep(self.seconds)
        if self.is_away:
            raise Transient("away")
        return Table(("n",), [[len(self.asked)]])


def kept(store: Slow, clock: Clock) -> Kept:
    return Kept(cast("ForPeople", store), clock)


@pytest.fixture(autouse=True)
def sees_everything() -> Iterator[None]:
    with within(EVERYTHING):
        yield


async def test_what_was_answered_to_one_scope_is_not_told_in_another() -> None:
    store, clock = Slow(), Clock()
    answers = kept(store, clock)
    await answers.fresh("segments", 60)
    with within(scope_of(["acme"])):
        await answers.fresh("segments", 60)
    assert len(store.asked) == 2


async def test_the_same_question_is_asked_once_within_a_moment_and_again_after_it() -> None:
    store, clock = Slow(), Clock()
    answers = kept(store, clock)
    asking = (answers.fresh("segments", 60, tenant="acme") for _ in range(20))
    assert {table.rows[0][0] for table in await asyncio.gather(*asking)} == {1}
    clock.at_ms += 1_900
    assert (await answers.fresh("segments", 60, tenant="acme")).rows == [[1]]
    assert (await answers.fresh("segments", 60, tenant="other")).rows == [[2]]
    clock.at_ms += 200
    assert (await answers.fresh("segments", 60, tenant="acme")).rows == [[3]]
    assert store.asked[-1]["to_ms"] == clock.at_ms
    assert store.asked[-1]["from_ms"] == clock.at_ms - 60_000


async def test_an_answer_that_took_long_is_kept_four_times_as_long() -> None:
    store, clock = Slow(0.7), Clock()
    answers = kept(store, clock)
    await answers.fresh("segments", 60)
    clock.at_ms += 2_700
    assert (await answers.fresh("segments", 60)).rows == [[1]]
    clock.at_ms += 600_000
    assert (await answers.fresh("segments", 60)).rows == [[2]]


async def test_what_cannot_be_answered_is_not_kept() -> None:
    store, clock = Slow(), Clock()
    answers = kept(store, clock)
    store.is_away = True
    with pytest.raises(Transient):
        await answers.fresh("segments", 60)
    store.is_away = False
    assert (await answers.fresh("segments", 60)).rows == [[2]]
    with pytest.raises(BadParameterError, match="has no parameter 'tenent'"):
        await answers.fresh("segments", 60, tenent="acme")


async def test_only_so_many_questions_are_remembered_those_asked_last() -> None:
    store, clock = Slow(), Clock()
    answers = kept(store, clock)
    for number in range(201):
        await answers.fresh("segments", 60, tenant=f"t{number}")
    assert (await answers.fresh("segments", 60, tenant="t1")).rows == [[2]]
    assert (await answers.fresh("segments", 60, tenant="t0")).rows == [[202]]
