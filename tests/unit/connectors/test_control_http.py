"""Requests over a real client: what the network does becomes Transient, answers become values."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from connectors.control_http import BODY_LIMIT, send
from connectors.controls.effects import ControlRequest
from schemas.errors import Misconfigured, Transient

REQUEST = ControlRequest(method="POST", url="https://control.example/x", headers={"a": "b"}, body=b"{}")


async def test_the_answer_is_status_headers_and_the_start_of_the_body() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["a"] == "b"
        assert request.content == b"{}"
        return httpx.Response(429, headers={"Retry-After": "7"}, content=b"x" * (BODY_LIMIT + 5))

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        read = await send(client, REQUEST, 1.0)
    assert (read.status, read.headers["retry-after"], len(read.body)) == (429, "7", BODY_LIMIT)


async def test_redirects_are_not_followed_even_if_the_client_would() -> None:
    moved = httpx.MockTransport(lambda _: httpx.Response(302, headers={"location": "https://elsewhere.example"}))
    async with httpx.AsyncClient(transport=moved, follow_redirects=True) as client:
        assert (await send(client, REQUEST, 1.0)).status == 302


@pytest.mark.parametrize("error", [httpx.ConnectError("no"), httpx.ReadTimeout("no"), httpx.RemoteProtocolError("no")])
async def test_a_broken_connection_is_transient(error: httpx.HTTPError) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise error

    async with httpx.AsyncClient(transport=httpx.MockTransport(fail)) as client:
        with pytest.raises(Transient):
            await send(client, REQUEST, 1.0)


async def test_an_answer_that_drips_for_ever_ends_with_the_time_allowed() -> None:
    class Drip(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                yield b"."
                await asyncio.sleep(0.001)

    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200, stream=Drip()))) as client:
        with pytest.raises(Transient, match=r"no answer within 0\.05 s"):
            await send(client, REQUEST, 0.05)


async def test_an_address_that_is_none_is_misconfigured() -> None:
    request = ControlRequest(method="POST", url="https://control.example:port/", headers={})
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200))) as client:
        with pytest.raises(Misconfigured, match=r"control\.base_url"):
            await send(client, request, 1.0)
