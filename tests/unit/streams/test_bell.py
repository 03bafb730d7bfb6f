"""The bell: many futures by one wake-up, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import threading

import pytest

from streams.bell import Bell


class Counted(asyncio.SelectorEventLoop):
    """A loop that counts how often it was woken from another thread."""

    wakes = 0

    def call_soon_threadsafe(self, *args: object, **more: object) -> asyncio.Handle:
        self.wakes += 1
        return super().call_soon_threadsafe(*args, **more)  # type: ignore[arg-type]


def test_what_another_thread_says_at_once_wakes_the_loop_once() -> None:
    async def run(loop: Counted) -> None:
        bell = Bell(loop, 60.0)
        futures = [loop.create_future() for _ in range(1_000)]
        for done in futures:
            bell.expect(done)

        def ring() -> None:
            for done in futures:
                bell.ring(done)

        ringing = threading.Thread(target=ring)
        ringing.start()
        ringing.join()  # the loop stands still meanwhile, as in a busy one
        await asyncio.gather(*futures)
        assert loop.wakes == 1

        again = loop.create_future()
        bell.expect(again)
        threading.Thread(target=bell.ring, args=(again,)).start()
        await again
        assert loop.wakes == 2

    with asyncio.Runner(loop_factory=Counted) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, Counted)
        runner.run(run(loop))


async def test_who_waits_in_vain_is_told_and_does_not_keep_others_waiting() -> None:
    loop = asyncio.get_running_loop()
    bell = Bell(loop, 0.2)
    in_vain, answered = loop.create_future(), loop.create_future()
    bell.expect(in_vain)
    bell.expect(answered)
    bell.ring(answered)
    await answered
    with pytest.raises(TimeoutError):
        await in_vain
    bell.ring(in_vain)  # a report that comes too late
    later = loop.create_future()
    bell.expect(later)
    bell.ring(later)
    await later


def test_a_ring_after_the_loop_has_ended_is_heard_by_nobody() -> None:
    loop = asyncio.new_event_loop()
    done = loop.create_future()
    loop.close()
    Bell(loop, 1.0).ring(done)
    assert not done.done()
