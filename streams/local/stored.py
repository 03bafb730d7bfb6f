"""How many events the local store holds, for progress lines and for an end that loses nothing."""

from __future__ import annotations

import asyncio
import time

import httpx

_SQL = (
    "SELECT (SELECT count() FROM mailweir.email_events) + (SELECT count() FROM mailweir.activity_events)"
    " + (SELECT count() FROM mailweir.dead_letters)"
)
_EVENTS_SQL = "SELECT count() FROM mailweir.email_events"
_POLL_S = 0.2
_STILL_S = 1.5  # several flushes of every worker (0.25 s each)


async def stored_events(client: httpx.AsyncClient, url: str, last: int = 0, *, sql: str = _EVENTS_SQL) -> int:
    """Rows in the store now; `last` while it does not answer."""
    try:
        response = await client.get(url, params={"query": sql})
        return int(response.text)
    except (httpx.HTTPError, ValueError):
        return last


async def until_still(url: str, timeout_s: float, *, still_s: float = _STILL_S) -> bool:
    """Wait until no row was added for `still_s`; False when `timeout_s` was not enough."""
    deadline = time.monotonic() + timeout_s
    rows, since = -1, time.monotonic()
    async with httpx.AsyncClient(timeout=2.0, trust_env=False) as client:
        while time.monotonic() < deadline:
            found = await stored_events(client, url, rows, sql=_SQL)
            if found != rows:
                rows, since = found, time.monotonic()
            elif time.monotonic() - since >= still_s:
                return True
            await asyncio.sleep(_POLL_S)
    return False
