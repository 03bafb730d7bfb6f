"""Sends one control request over httpx: the only place where a driver's request meets a network.

Everything that may succeed later becomes `Transient`; answers, also bad ones, are values.
"""

from __future__ import annotations

import asyncio

import httpx

from connectors.controls.effects import ControlAnswer, ControlRequest
from schemas.errors import Misconfigured, Transient

BODY_LIMIT = 16 * 1024  # bytes of an answer that are read; drivers look at a sentence of it


async def send(
    client: httpx.AsyncClient, request: ControlRequest, timeout_s: float, body_limit: int = BODY_LIMIT
) -> ControlAnswer:
    """The answer to `request`, cut to `body_limit` bytes. Redirects are not followed: they carry credentials off.

    Raises Transient when there is none within `timeout_s` seconds, whatever the network did; the
    other side may have acted all the same. Raises Misconfigured for an address that is none.
    """
    try:
        async with (
            asyncio.timeout(timeout_s),
            client.stream(
                request.method,
                request.url,
                headers=dict(request.headers),
                content=request.body,
                follow_redirects=False,
                timeout=timeout_s,
            ) as response,
        ):
            return ControlAnswer(
                status=response.status_code,
                headers={name.lower(): value for name, value in response.headers.items()},
                body=await _start_of(response, body_limit),
            )
    except (TimeoutError, httpx.TimeoutException) as error:
        raise Transient(f"no answer within {timeout_s:g} s") from error
    except (httpx.TransportError, httpx.DecodingError) as error:
        raise Transient(f"{type(error).__name__} on the way to {httpx.URL(request.url).host}") from error
    except httpx.InvalidURL as error:
        raise Misconfigured(f"control.base_url is no address ({error}); mend it") from error


async def _start_of(response: httpx.Response, limit: int) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) >= limit:
            break
    return bytes(body[:limit])
