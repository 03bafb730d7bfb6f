"""The gateway's HTTP over raw sockets: framing, order, bounds, and how connections end."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from tests.unit.streams.gateway.gate import Gate, MemoryLog, config_of, serving, sign, until

DEADLINE_S = 10.0


@dataclass
class Wire:
    """A raw connection to a gateway."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, *parts: bytes) -> None:
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """The next answer: status, headers in lower case, body."""
        async with asyncio.timeout(DEADLINE_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            status, headers = int(head[0].split()[1]), dict(line.lower().split(": ", 1) for line in head[1:] if line)
            size = 0 if status == 100 else int(headers["content-length"])
            return status, headers, await self.reader.readexactly(size)

    async def rest(self) -> bytes:
        """What comes until the gateway hangs up."""
        async with asyncio.timeout(DEADLINE_S):
            return await self.reader.read()


@asynccontextmanager
async def wire(gate: Gate) -> AsyncIterator[Wire]:
    reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()


def post(body: bytes, *lines: str, version: str = "1.1", framing: str = "") -> bytes:
    """A signed post to the source `hmac`."""
    signature = sign(body)["X-Signature"]
    head = (
        f"POST /webhooks/hmac HTTP/{version}",
        "Host: x",
        f"X-Signature: {signature}",
        framing or f"Content-Length: {len(body)}",
        *lines,
    )
    return "\r\n".join((*head, "", "")).encode() + body


async def test_one_connection_serves_many_requests() -> None:
    async with serving() as gate, wire(gate) as line:
        for number in range(3):
            await line.send(post(b"%d" % number))
            status, headers, _ = await line.answer()
            assert status == 200
            assert "connection" not in headers
            assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d gmt", headers["date"])
    assert [record.body for record in gate.log.stored()] == [b"0", b"1", b"2"]


async def test_requests_sent_before_the_first_answer_are_answered_in_order() -> None:
    log = MemoryLog(hold=asyncio.Event())
    async with serving(log=log) as gate, wire(gate) as line:
        await line.send(post(b"1") + post(b"2") + b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" + post(b"3"))
        await until(lambda: log.waiting == 1)
        assert log.hold is not None
        log.hold.set()
        answers = [await line.answer() for _ in range(4)]
    assert [status for status, _, _ in answers] == [200] * 4
    assert b"alive" in answers[2][2]
    assert [record.body for record in gate.log.stored()] == [b"1", b"2", b"3"]


async def test_a_request_that_comes_byte_by_byte_is_the_same_request() -> None:
    body = b'{"event":"open"}'
    async with serving() as gate, wire(gate) as line:
        await line.send(*(bytes([byte]) for byte in post(body)))
        assert (await line.answer())[0] == 200
    assert gate.log.stored()[0].body == body


async def test_a_chunked_body_is_put_together_without_its_extensions_and_trailers() -> None:
    signature = sign(b"chunked body")["X-Signature"]
    head = f"POST /webhooks/hmac HTTP/1.1\r\nHost: x\r\nX-Signature: {signature}\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with serving() as gate, wire(gate) as line:
        await line.send(head.encode(), b"8;note=1\r\nchunked \r\n", b"4\r\nbody\r\n0\r\nX-Trailer: 1\r\n\r\n")
        assert (await line.answer())[0] == 200
        await line.send(post(b"next"))
        assert (await line.answer())[0] == 200
    records = gate.log.stored()
    assert [record.body for record in records] == [b"chunked body", b"next"]
    assert "x-trailer" not in {header.name for header in records[0].headers}


async def test_who_asks_first_is_told_to_continue_and_then_answered() -> None:
    request = post(b"body", "Expect: 100-continue")
    async with serving() as gate, wire(gate) as line:
        await line.send(request[:-4])
        assert (await line.answer())[0] == 100
        await line.send(request[-4:])
        assert (await line.answer())[0] == 200


async def test_who_asks_first_is_refused_without_sending_the_body() -> None:
    async with serving() as gate, wire(gate) as line:
        await line.send(post(b"", "Expect: 100-continue", framing="Content-Length: 104857600"))
        status, headers, _ = await line.answer()
    assert (status, headers["connection"]) == (413, "close")


@pytest.mark.parametrize(
    ("version", "lines", "connection"),
    [
        ("1.0", (), "close"),
        ("1.0", ("Connection: keep-alive",), "keep-alive"),
        ("1.1", ("Connection: close",), "close"),
    ],
)
async def test_the_connection_is_kept_or_closed_as_the_sender_asks(
    version: str, lines: tuple[str, ...], connection: str
) -> None:
    async with serving() as gate, wire(gate) as line:
        await line.send(post(b"{}", *lines, version=version))
        status, headers, _ = await line.answer()
        assert (status, headers["connection"]) == (200, connection)
        if connection == "close":
            assert await line.rest() == b""


@pytest.mark.parametrize(
    "request_bytes",
    [
        post(b"{}", "Transfer-Encoding: chunked"),
        post(b"{}", "Content-Length: 5"),
        post(b"{}").replace(b"X-Signature:", b"X-Signature :"),
        post(b"{}").replace(b"Host: x", b"Host: x\r\n folded"),
        post(b"{}", "Transfer-Encoding: gzip", framing="X-None: 1"),
        post(b"{}").replace(b"Content-Length: 2", b"Content-Length: -2"),
        post(b"{}").replace(b"HTTP/1.1", b"HTTP/9.9"),
        post(b"{}").replace(b"POST", b"P ST"),
        post(b"zz\r\n", framing="Transfer-Encoding: chunked"),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
async def test_what_two_servers_could_read_differently_is_refused_and_nothing_is_kept(request_bytes: bytes) -> None:
    async with serving() as gate, wire(gate) as line:
        await line.send(request_bytes + post(b"smuggled"))
        status, headers, body = await line.answer()
        assert await line.rest() == b""
        assert await gate.metric("in_flight") == 0
    assert (status, headers["connection"]) == (400, "close")
    assert b"bad_request" in body
    assert gate.log.records == []


async def many_headers() -> AsyncIterator[bytes]:
    yield b"GET /healthz HTTP/1.1\r\n" + b"".join(b"X-%d: 1\r\n" % number for number in range(200)) + b"\r\n"


async def one_endless_header() -> AsyncIterator[bytes]:
    yield b"GET /healthz HTTP/1.1\r\nX-Long: "
    for _ in range(20):
        yield b"x" * 16_384


async def one_endless_target() -> AsyncIterator[bytes]:
    yield b"GET /"
    for _ in range(20):
        yield b"x" * 16_384


async def one_endless_chunk_extension() -> AsyncIterator[bytes]:
    yield post(b"", framing="Transfer-Encoding: chunked") + b"1;"
    for _ in range(40):
        yield b"x" * 16_384


Parts = Callable[[], AsyncIterator[bytes]]


@pytest.mark.parametrize("parts", [many_headers, one_endless_header, one_endless_target, one_endless_chunk_extension])
async def test_what_grows_without_getting_anywhere_is_cut_off(parts: Parts) -> None:
    async with serving() as gate, wire(gate) as line:
        answer = asyncio.create_task(line.answer())
        async for part in parts():
            if answer.done():
                break
            line.writer.write(part)
            await asyncio.wait({answer}, timeout=0.01)
        status, headers, body = await answer
        assert await gate.metric("in_flight") == 0
    assert (status, headers["connection"]) == (431, "close")
    assert b"head_too_large" in body


async def test_a_head_that_does_not_come_to_an_end_is_given_up_in_bounded_time() -> None:
    async with serving(config_of({"body_timeout_s": 0.2})) as gate, wire(gate) as line:
        await line.send(b"POST /webhooks/hmac HTTP/1.1\r\nHost:")
        status, _, body = await line.answer()
        assert await line.rest() == b""
    assert (status, b"request_timeout" in body) == (408, True)


async def test_time_is_given_to_each_request_anew() -> None:
    timeout_s, request = 0.6, post(b"{}")
    async with serving(config_of({"body_timeout_s": timeout_s})) as gate, wire(gate) as line:
        started = asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() - started < 2 * timeout_s:
            await line.send(request[:-1])
            await gate.metric("in_flight")  # the gateway has seen the first part
            await line.send(request[-1:])
            assert (await line.answer())[0] == 200


@pytest.mark.parametrize("framing", ["", "Transfer-Encoding: chunked"])
async def test_an_offer_to_upgrade_is_not_taken_and_the_request_is_answered(framing: str) -> None:
    offer = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk")
    request = post(b"{}", *offer, framing=framing)
    if framing:
        request = request.removesuffix(b"{}") + b"2\r\n{}\r\n0\r\n\r\n"
    async with serving() as gate, wire(gate) as line:
        await line.send(request[:-3], request[-3:] + post(b"next"))
        assert [(await line.answer())[0] for _ in range(2)] == [200, 200]
        await line.send(b"CONNECT hooks.example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n")
        status, headers, _ = await line.answer()
        assert (status, headers["connection"]) == (404, "close")
        assert await line.rest() == b""
    assert [record.body for record in gate.log.stored()] == [b"{}", b"next"]


async def test_an_answer_to_head_has_no_body_and_the_connection_goes_on() -> None:
    async with serving() as gate, wire(gate) as line:
        await line.send(b"HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(DEADLINE_S):
            head = await line.reader.readuntil(b"\r\n\r\n")
        assert b"Content-Length: 18" in head
        await line.send(post(b"{}"))
        assert (await line.answer())[0] == 200


async def test_the_absolute_address_that_proxies_send_is_understood() -> None:
    async with serving() as gate, wire(gate) as line:
        await line.send(post(b"{}").replace(b"/webhooks/hmac", b"http://hooks.example.com/webhooks/hmac?a=1"))
        assert (await line.answer())[0] == 200
    assert gate.log.stored()[0].url == "http://x/webhooks/hmac?a=1"


async def test_a_refused_body_is_read_to_its_end_and_the_connection_goes_on() -> None:
    async with serving() as gate, wire(gate) as line:
        await line.send(post(b"x" * 300_000).replace(b"/webhooks/hmac", b"/webhooks/nobody"))
        assert (await line.answer())[0] == 404
        await line.send(post(b"{}"))
        assert (await line.answer())[0] == 200
    assert [record.body for record in gate.log.stored()] == [b"{}"]


async def test_what_was_received_is_kept_when_its_sender_does_not_wait() -> None:
    log = MemoryLog(hold=asyncio.Event())
    async with serving(log=log) as gate:
        async with wire(gate) as line:
            await line.send(post(b"{}"))
            await until(lambda: log.waiting == 1)
        assert log.hold is not None
        log.hold.set()
        await until(lambda: len(log.records) == 1)
        assert await gate.metric("in_flight") == 0


async def test_who_has_said_everything_still_gets_the_answer() -> None:
    log = MemoryLog(hold=asyncio.Event())
    async with serving(log=log) as gate, wire(gate) as line:
        await line.send(post(b"{}"))
        line.writer.write_eof()
        await until(lambda: log.waiting == 1)
        assert log.hold is not None
        log.hold.set()
        assert (await line.answer())[0] == 200
        assert await line.rest() == b""


async def test_at_the_end_unused_connections_are_closed_at_once_and_used_ones_after_their_answer() -> None:
    log = MemoryLog(hold=asyncio.Event())
    async with serving(log=log) as gate, wire(gate) as unused, wire(gate) as used:
        await unused.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        await unused.answer()
        await used.send(post(b"{}"))
        await until(lambda: log.waiting == 1)
        closing = asyncio.create_task(gate.listener.close(DEADLINE_S))
        assert await unused.rest() == b""
        assert not closing.done()
        assert log.hold is not None
        log.hold.set()
        status, headers, _ = await used.answer()
        assert (status, headers["connection"]) == (200, "close")
        await asyncio.wait_for(closing, DEADLINE_S)
    assert len(log.records) == 1


async def test_a_request_that_does_not_end_is_cut_off_at_the_end() -> None:
    log = MemoryLog(hold=asyncio.Event())
    async with serving(log=log) as gate, wire(gate) as line:
        await line.send(post(b"{}"))
        await until(lambda: log.waiting == 1)
        await asyncio.wait_for(gate.listener.close(0.05), DEADLINE_S)
        with pytest.raises(asyncio.IncompleteReadError):
            await line.answer()
        assert log.hold is not None
        log.hold.set()


async def test_only_a_connection_that_nobody_has_used_for_long_is_closed() -> None:
    async with serving() as gate, wire(gate) as line:
        await line.send(post(b"{}"))
        await line.answer()
        (connection,) = gate.listener._shared.connections
        connection.close_if_idle(60.0)
        await line.send(post(b"{}"))
        assert (await line.answer())[0] == 200
        connection.close_if_idle(0.0)
        assert await line.rest() == b""
