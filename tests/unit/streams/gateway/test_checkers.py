"""Checks in threads: every result and every failure comes back to who asked."""

from __future__ import annotations

import asyncio
import threading

import pytest

from streams.gateway.checkers import Checkers


async def test_results_and_failures_come_back_to_who_asked() -> None:
    def half(number: int) -> int:
        if number % 2:
            raise ValueError(number)
        return number // 2

    checkers = Checkers()
    try:
        for number in range(0, 20, 2):  # one at a time: each must wake the loop
            assert await asyncio.wait_for(checkers.run(lambda number=number: half(number)), 10) == number // 2  # type: ignore[misc]
        jobs = [checkers.run(lambda number=number: half(number)) for number in range(2000)]  # type: ignore[misc]
        found = await asyncio.wait_for(asyncio.gather(*jobs, return_exceptions=True), 10)
    finally:
        checkers.close()
    assert found[::2] == [number // 2 for number in range(0, 2000, 2)]
    assert [error.args for error in found[1::2] if isinstance(error, ValueError)] == [(n,) for n in range(1, 2000, 2)]


async def test_the_loop_goes_on_while_a_check_runs() -> None:
    release = threading.Event()
    checkers = Checkers(1)
    try:
        job = checkers.run(lambda: release.wait(10))
        await asyncio.sleep(0)
        assert not job.done()
        release.set()
        assert await asyncio.wait_for(job, 10)
    finally:
        checkers.close()


async def test_who_no_longer_waits_disturbs_nobody() -> None:
    release = threading.Event()
    checkers = Checkers(1)
    try:
        given_up, wanted = checkers.run(lambda: release.wait(10)), checkers.run(lambda: 7)
        given_up.cancel()
        release.set()
        assert await asyncio.wait_for(wanted, 10) == 7
        with pytest.raises(asyncio.CancelledError):
            await given_up
    finally:
        checkers.close()


async def test_closing_waits_for_what_was_given() -> None:
    done: list[int] = []
    checkers = Checkers()
    jobs = [checkers.run(lambda number=number: done.append(number)) for number in range(500)]  # type: ignore[misc]
    await asyncio.to_thread(checkers.close)
    assert sorted(done) == list(range(500))
    await asyncio.wait_for(asyncio.gather(*jobs), 10)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("checker-")]
