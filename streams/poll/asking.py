"""One request to a provider's interface: tried a few times, its answer bounded, nothing secret in any message.

What a provider may answer later (429, 5xx, no answer) is asked for again after a wait that doubles, or as long as
Retry-After says (RFC 9110 section 10.2.3) up to two minutes. Redirects are not followed: they would carry credentials
elsewhere. Errors name host and status, never an address (access keys stand in it), a header or a body.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from schemas.errors import Transient

TRIES = 4
MAX_ANSWER_BYTES = 16 * 1024 * 1024  # a record takes 24 MiB
_TIMEOUT_S = 60.0
_FIRST_WAIT_S = 2.0
_LONGEST_WAIT_S = 120.0


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is no request to come back later."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks over `client`; `sleep` waits between tries."""

    client: httpx.AsyncClient
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def ask(self, method: str, url: str, headers: Mapping[str, str] | None = None, **content: Any) -> Answer:
        """The answer, whatever its status. Raises Transient when there is none in `TRIES` tries, or too much of it."""
        wait_s, said = _FIRST_WAIT_S, ""
        for number in range(TRIES):
            if number:
                await self.sleep(min(wait_s, _LONGEST_WAIT_S))
                wait_s *= 2
            try:
                async with asyncio.timeout(_TIMEOUT_S):
                    request = self.client.build_request(method, url, headers=headers, timeout=_TIMEOUT_S, **content)
                    response = await self.client.send(request, stream=True, follow_redirects=False)
                    try:
                        if response.status_code != 429 and response.status_code < 500:
                            return Answer(response.status_code, await _bounded(response))
                    finally:
                        await response.aclose()
            except (TimeoutError, httpx.TransportError, httpx.DecodingError) as error:
                said = type(error).__name__
            else:
                said = f"status {response.status_code}"
                wait_s = max(wait_s, _retry_after(response))
        raise Transient(f"no answer from {httpx.URL(url).host} in {TRIES} tries ({said})")


async def _bounded(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise Transient(f"{response.url.host} answered with more than {MAX_ANSWER_BYTES} bytes")
    return bytes(body)


def _retry_after(response: httpx.Response) -> float:
    """Seconds; a date counts as none."""
    given = response.headers.get("retry-after", "")
    return float(given[:9]) if given.isascii() and given.isdecimal() else 0.0
