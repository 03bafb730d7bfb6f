"""Fan-out to many viewers without a queue that grows."""

from __future__ import annotations

import asyncio
import zlib

import pytest

from dashboards.console.hub import GZIP_HEAD, HouseFullError, Hub


async def test_a_viewer_that_does_not_read_holds_one_message_per_topic() -> None:
    hub = Hub()
    with hub.join() as mailbox:
        for number in range(1_000):
            hub.publish("rates", str(number).encode())
            hub.publish("scores", str(number).encode())
        assert len(mailbox) == 2
        assert b"data: 999\n\n" in (await mailbox.take())[0].frame


async def test_messages_come_in_the_order_they_were_sent() -> None:
    hub = Hub()
    with hub.join() as mailbox:
        hub.publish("b", b"1")
        hub.publish("a", b"2")
        hub.publish("b", b"3")
        assert [message.topic for message in await mailbox.take()] == ["a", "b"]


async def test_what_is_told_to_one_viewer_comes_first_and_to_nobody_else() -> None:
    hub = Hub()
    hub.publish("rates", b"kept")
    with hub.join() as mailbox, hub.join() as other:
        hub.tell(mailbox, "pulse", b"now")
        assert [message.topic for message in await mailbox.take()] == ["pulse", "rates"]
        assert [message.topic for message in await other.take()] == ["rates"]


async def test_messages_of_any_viewer_in_any_order_are_one_gzip_stream_to_be_read_as_it_comes() -> None:
    hub = Hub()
    messages = []
    for number in range(4):
        with hub.join() as mailbox:
            hub.publish(f"topic-{number % 2}", b"the same words again " * 100 + str(number).encode())
            messages.append((await mailbox.take())[-1])
    for order in (messages, messages[::-1], [messages[2], messages[2]]):
        reader = zlib.decompressobj(wbits=31)
        assert reader.decompress(GZIP_HEAD) == b""
        assert [reader.decompress(message.packed) for message in order] == [message.frame for message in order]
    assert len(messages[0].packed) < len(messages[0].frame) / 10


async def test_a_late_viewer_gets_the_newest_of_every_kept_topic() -> None:
    hub = Hub()
    hub.publish("rates", b"old")
    hub.publish("rates", b"new")
    hub.publish("pulse", b"gone", is_kept=False)
    with hub.join() as mailbox:
        (message,) = await mailbox.take()
        assert b"data: new" in message.frame


async def test_a_viewer_that_comes_back_gets_only_what_it_missed() -> None:
    hub = Hub()
    hub.publish("rates", b"seen")
    with hub.join() as mailbox:
        seen = (await mailbox.take())[0].frame.split(b"\n")[0].removeprefix(b"id: ").decode()
    hub.publish("scores", b"missed")
    with hub.join(seen) as mailbox:
        assert [message.topic for message in await mailbox.take()] == ["scores"]


@pytest.mark.parametrize("last_event_id", ["other-999", "nonsense", "-1", "\u0665-\u0665"])
async def test_an_id_of_another_process_or_garbage_means_everything(last_event_id: str) -> None:
    hub = Hub()
    hub.publish("rates", b"1")
    with hub.join(last_event_id) as mailbox:
        assert len(mailbox) == 1


async def test_one_viewer_too_many_is_refused_until_another_leaves() -> None:
    hub = Hub(max_viewers=1)
    with hub.join():
        with pytest.raises(HouseFullError, match="1 viewers already watch"), hub.join():
            pass
        assert hub.viewers == 1
    with hub.join():
        assert hub.viewers == 1


async def test_closing_ends_every_wait() -> None:
    hub = Hub()
    with hub.join() as mailbox:
        waiting = asyncio.create_task(mailbox.take())
        await asyncio.sleep(0)
        hub.close()
        assert await asyncio.wait_for(waiting, 5) == []


async def test_nobody_watching_is_noticed() -> None:
    hub = Hub()
    watched = asyncio.create_task(hub.watched())
    await asyncio.sleep(0)
    assert not watched.done()
    with hub.join():
        await asyncio.wait_for(watched, 5)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(hub.watched(), 0.01)
