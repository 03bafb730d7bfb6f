"""Confirming a subscription: one GET to the address the provider sent and the connector has checked."""

from __future__ import annotations

import asyncio

import httpx

from schemas.errors import Transient

_TIMEOUT_S = 5.0  # with the acknowledgement before it, within the 15 s that SNS waits


async def confirm(client: httpx.AsyncClient, url: str) -> None:
    """GET `url` without following redirects; the answer's body is not read.

    Raises Transient when the answer is no 2xx or does not come. The URL holds a token: it is in no text.
    """
    try:
        async with (
            asyncio.timeout(_TIMEOUT_S),
            client.stream("GET", url, follow_redirects=False, timeout=_TIMEOUT_S) as response,
        ):
            status = response.status_code
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        raise Transient(f"the subscription could not be confirmed ({type(error).__name__})") from None
    if not 200 <= status < 300:
        raise Transient(f"the subscription could not be confirmed (HTTP {status})")
