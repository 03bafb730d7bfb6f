"""Ctrl-C as an event, with real signals to this process."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from streams.local.interrupt import Interrupt


async def forever() -> str:
    await asyncio.Event().wait()
    return "never"


async def soon() -> str:
    await asyncio.sleep(0)
    return "done"


async def test_work_that_ends_first_gives_its_result() -> None:
    with Interrupt() as interrupt:
        assert await interrupt.race(soon()) == "done"
        assert not interrupt.is_set


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_the_work_without_a_traceback(number: int) -> None:
    with Interrupt() as interrupt:
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), number)
        assert await asyncio.wait_for(interrupt.race(forever()), 10) is None
        assert interrupt.is_set
        assert not interrupt.is_urgent


async def test_a_second_signal_is_urgent_and_the_first_is_not() -> None:
    calls: list[str] = []
    with Interrupt(again=lambda: calls.append("again")) as interrupt:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.wait_for(interrupt.wait(), 10)
        assert calls == []
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGINT)
        assert await asyncio.wait_for(interrupt.race_urgent(forever()), 10) is None
        assert calls == ["again"]


async def test_an_error_of_the_work_is_passed_on() -> None:
    async def fail() -> None:
        raise ValueError("broken")

    with Interrupt() as interrupt, pytest.raises(ValueError, match="broken"):
        await interrupt.race(fail())
