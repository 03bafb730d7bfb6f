"""Channels side by side: what is submitted is told once, written down, and never in the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from connectors.alerts.base import Message
from schemas.alerts import Alert
from schemas.remediation import Outcome, OutcomeStatus
from streams.agents.announcer import MOST_WAITING, Announcer
from streams.core.remediation.announce import Delivery
from streams.core.remediation.telling import told_id
from tests.unit.connectors.alert_cases import alert_of, told

OPS, BOSS = alert_of("slack", name="ops"), alert_of("slack", name="boss")
DONE = Delivery(status=OutcomeStatus.DONE, detail="ok", attempt=1, reply=200)


class Room:
    """Channels and log of one test."""

    def __init__(self, *alerts: Alert, dead: str = "") -> None:
        self.sent: list[tuple[str, Message]] = []
        self.written: list[Outcome] = []
        self.now_ms = 1_795_377_700_000
        self.changed = asyncio.Condition()
        self.dead = dead
        self.announcer = Announcer(alerts, self.deliver, self.write, lambda: self.now_ms)

    async def deliver(self, message: Message, alert: Alert) -> Delivery:
        self.sent.append((alert.name, message))
        if alert.name == self.dead:
            await asyncio.Event().wait()
        return DONE

    async def write(self, outcome: Outcome) -> None:
        async with self.changed:
            self.written.append(outcome)
            self.changed.notify_all()

    async def until_written(self, count: int) -> None:
        async with self.changed, asyncio.timeout(5):
            await self.changed.wait_for(lambda: len(self.written) >= count)


@asynccontextmanager
async def running(room: Room) -> AsyncIterator[None]:
    task = asyncio.create_task(room.announcer.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_every_channel_is_told_once_and_it_is_written_down() -> None:
    room = Room(OPS, BOSS)
    async with running(room):
        room.announcer.submit(told(), [])
        room.announcer.submit(told(), [])
        await room.until_written(2)
    assert sorted(name for name, _ in room.sent) == ["boss", "ops"]
    assert {(o.source, o.driver, o.status, o.http_status) for o in room.written} == {
        ("ops", "alert-slack", "done", 200), ("boss", "alert-slack", "done", 200),
    }  # fmt: skip
    assert {o.outcome_id for o in room.written} == {told_id(told().decision_id, name) for name in ("ops", "boss")}


async def test_a_dead_channel_delays_no_other() -> None:
    room = Room(OPS, BOSS, dead="ops")
    async with running(room):
        for number in range(3):
            room.announcer.submit(told(decision_id=f"{number:032x}"), [])
        await room.until_written(3)
    assert {outcome.source for outcome in room.written} == {"boss"}


async def test_what_was_told_before_a_restart_is_not_told_again() -> None:
    room = Room(OPS, BOSS)
    async with running(room):
        room.announcer.submit(told(), [], settled={told_id(told().decision_id, "ops")})
        await room.until_written(1)
    assert [name for name, _ in room.sent] == ["boss"]


async def test_a_channel_hears_only_what_it_wants() -> None:
    room = Room(alert_of("slack", name="beta", tenant="beta"), OPS)
    async with running(room):
        room.announcer.submit(told(), [])
        await room.until_written(1)
    assert [name for name, _ in room.sent] == ["ops"]


async def test_a_flood_ends_in_a_digest_that_settles_all_of_it() -> None:
    room = Room(alert_of("slack", name="ops", max_per_hour=2))
    room.announcer.submit(told(decision_id="a" * 32), [])
    room.announcer.submit(told(decision_id="b" * 32), [])
    for number in range(MOST_WAITING + 5):
        room.announcer.submit(told(decision_id=f"{number:032x}"), [])
    room.now_ms += 1
    async with running(room):
        await room.until_written(2)
    room.now_ms += 6 * 60_000
    async with running(room):
        await room.until_written(MOST_WAITING)
    assert len(room.sent) == 3
    assert room.sent[-1][1].title == f"{MOST_WAITING - 2 + 7} decisions since the last message"
    assert len({outcome.outcome_id for outcome in room.written}) == MOST_WAITING


async def test_an_outcome_that_cannot_be_written_ends_the_service() -> None:
    async def refuse(_: Outcome) -> None:
        raise ConnectionError("no log")

    announcer = Announcer([OPS], Room().deliver, refuse, lambda: 0)
    announcer.submit(told(), [])
    with pytest.raises(ExceptionGroup) as caught:
        await announcer.run()
    assert isinstance(caught.value.exceptions[0], ConnectionError)
