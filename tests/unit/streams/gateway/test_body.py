"""Bodies that are too large, too slow, packed, or broken."""

from __future__ import annotations

import asyncio
import gzip
import json
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from schemas.errors import FailureCode, Rejected
from streams.gateway.body import unpack
from tests.unit.streams.gateway.gate import config_of, error_of, serving, sign, until

MB = 1024 * 1024


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096 / MB


def head_of(lines: str, source: str = "hmac") -> bytes:
    return f"POST /webhooks/{source} HTTP/1.1\nHost: x\n{lines}\n\n".encode()


def answer_of(raw: bytes) -> tuple[int, str]:
    """Status and error code of an HTTP answer."""
    head, _, body = raw.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["error"]


async def endless(chunk: bytes, count: int, sent: list[int]) -> AsyncIterator[bytes]:
    for _ in range(count):
        sent.append(len(chunk))
        yield chunk


async def test_a_declared_length_over_the_limit_is_refused_before_a_byte_is_read() -> None:
    async with serving() as gate:
        raw = await gate.raw(head_of("Content-Length: 104857600"))
    assert answer_of(raw) == (413, "body_too_large")
    assert gate.log.records == []


async def test_a_100_mb_body_of_unknown_length_is_cut_off_and_memory_stays_flat() -> None:
    sent: list[int] = []
    block = b"%x\r\n" % MB + b"x" * MB + b"\r\n"
    async with serving() as gate:
        before = resident_mb()
        raw = await gate.raw(head_of("Transfer-Encoding: chunked"), endless(block, 100, sent))
        assert resident_mb() - before < 30
        assert (await gate.post("hmac", b"{}")).status_code == 200
    assert answer_of(raw) == (413, "body_too_large")
    assert len(gate.log.records) == 1


async def test_a_body_of_exactly_the_limit_is_taken_and_one_byte_more_is_not() -> None:
    async with serving(config_of({"max_body_bytes": 2048})) as gate:
        assert (await gate.post("hmac", b"x" * 2048)).status_code == 200
        response = await gate.post("hmac", b"x" * 2049)
    assert (response.status_code, error_of(response)) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("source", "expected"),
    [("hmac", (408, "slow_body")), ("impatient", (503, "slow_body")), ("picky", (408, "slow_body"))],
)
async def test_a_slow_body_is_given_up_in_bounded_time(source: str, expected: tuple[int, str]) -> None:
    async with asyncio.timeout(60), serving(config_of({"body_timeout_s": 0.2})) as gate:
        raw = await gate.raw(head_of("Content-Length: 100", source) + b"only this much")
        assert await gate.metric("in_flight") == 0
    assert answer_of(raw) == expected


async def test_a_sender_that_hangs_up_leaves_nothing_behind() -> None:
    async with serving() as gate:
        _, writer = await asyncio.open_connection("127.0.0.1", gate.port)
        writer.write(head_of("Content-Length: 100").replace(b"\n", b"\r\n") + b"half")
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        assert (await gate.post("hmac", b"{}")).status_code == 200
        await until(lambda: len(gate.log.records) == 1)
        assert await gate.metric("in_flight") == 0


def gzipped(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)  # a test's name must not depend on the time


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [("gzip", gzipped(b"{}")), ("deflate", zlib.compress(b"{}")), ("DEFLATE", raw_deflate(b"{}"))],
)
async def test_a_packed_body_is_verified_and_kept_unpacked(encoding: str, packed: bytes) -> None:
    async with serving() as gate:
        response = await gate.post("hmac", packed, sign(b"{}") | {"Content-Encoding": encoding})
    assert response.status_code == 200
    assert gate.log.stored()[0].body == b"{}"


async def test_a_bomb_is_stopped_at_the_limit() -> None:
    bomb = gzip.compress(b"\0" * 100 * MB)
    tracemalloc.start()
    try:
        async with serving(config_of({"max_decompressed_bytes": 4 * MB})) as gate:
            response = await gate.post("hmac", bomb, {"Content-Encoding": "gzip"})
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (response.status_code, error_of(response)) == (413, "body_too_large")
    assert peak_bytes < 20 * MB
    assert gate.log.records == []


async def test_an_encoding_we_do_not_know_is_said_to_be_so() -> None:
    async with serving() as gate:
        response = await gate.post("hmac", b"x", {"Content-Encoding": "br"})
    assert (response.status_code, error_of(response)) == (415, "bad_encoding")


@pytest.mark.parametrize(
    "packed",
    [b"no gzip", gzipped(b"{}")[:-3], gzipped(b"{}") + b"more", gzipped(b"a") + gzipped(b"b")],
)
def test_a_broken_packed_body_is_refused(packed: bytes) -> None:
    with pytest.raises(Rejected) as caught:
        unpack(packed, "gzip", 1000)
    assert (caught.value.status, caught.value.code) == (400, FailureCode.BAD_ENCODING)


def test_unpacking_allows_the_limit_and_not_one_byte_more() -> None:
    small = gzip.compress(b"x" * 1000)
    assert len(unpack(small, "gzip", 1000)) == 1000
    with pytest.raises(Rejected) as caught:
        unpack(small, "gzip", 999)
    assert caught.value.code == FailureCode.BODY_TOO_LARGE


async def test_bytes_in_flight_have_a_budget_of_their_own() -> None:
    limits = {"max_body_bytes": 40 * MB, "body_timeout_s": 5}
    body = b"x" * (35 * MB)
    half = head_of(f"Content-Length: {40 * MB}").replace(b"\n", b"\r\n") + body
    async with serving(config_of(limits)) as gate:
        _, writer = await asyncio.open_connection("127.0.0.1", gate.port)
        writer.write(half)
        await writer.drain()
        while await gate.metric("held_bytes") < len(body):
            pass
        response = await gate.post("hmac", body)
        writer.close()
        await writer.wait_closed()
    assert (response.status_code, error_of(response)) == (429, "overloaded")
