"""Live panels by scope: asked once for each that is watched, and never of more scopes than the bound."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from typing import cast

import pytest

from dashboards.console.hub import HouseFullError
from dashboards.console.panels import Panel
from dashboards.console.scope import EVERYTHING, Scope, current, scope_of
from dashboards.console.store import Store, Table
from dashboards.console.watches import MOST_SCOPES, Watches
from tests.unit.dashboards.fakes import Clock


class Answers:
    """Stands for the store: answers with the scope in which it was asked."""

    async def run(self, *_asked: object) -> Table:
        return Table(("tenants",), [[current().as_list()]])


@asynccontextmanager
async def watches() -> AsyncIterator[Watches]:
    found = Watches([Panel("totals", 60.0)], cast("Store", Answers()), Clock(), "", 500)
    yield found
    found.close()
    await found.stop()


def scope(number: int) -> Scope:
    return scope_of([f"t{number}"])


async def test_each_scope_has_panels_of_its_own_and_keeps_them() -> None:
    async with watches() as found, asyncio.timeout(10):
        assert found.of(EVERYTHING) is found.everyone
        assert found.of(scope_of(["a", "b"])) is found.of(scope_of(["b", "a"]))
        with found.of(scope(1)).hub.join() as mailbox:
            frames: list[bytes] = []
            while not any(b"event: totals" in frame for frame in frames):
                frames += [message.frame for message in await mailbox.take()]
        assert any(b'"rows":[[["t1"]]]' in frame for frame in frames)


async def test_a_scope_that_nobody_watches_makes_room_and_one_that_is_watched_does_not() -> None:
    async with watches() as found:
        with ExitStack() as watching:
            watched = [found.of(scope(number)) for number in range(MOST_SCOPES)]
            for watch in watched[1:]:
                watching.enter_context(watch.hub.join())
            found.of(scope(99))
            assert [found.of(scope(number)) for number in range(1, MOST_SCOPES)] == watched[1:]
            watching.enter_context(found.of(scope(99)).hub.join())
            with pytest.raises(HouseFullError, match="16 sets of tenants already watch"):
                found.of(scope(0))
        assert found.of(scope(0)) is not watched[0]
