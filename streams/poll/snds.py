"""What is asked of Microsoft SNDS: one CSV for each day by the REST interface, or the newest one with an access key.

Microsoft's pages describe the keys ("Automated Data Access"); the REST interface, which takes their place in 2026, is
known from its clients: a path with the day, a bearer token of a personal account, 404 for a day without data.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta

from schemas.errors import Transient
from streams.poll.asking import Answer, Asker

REST = "https://substrate.office.com/ip-domain-management-snds/api/report/data"
BY_KEY = "https://sendersupport.olc.protection.outlook.com/snds/data.aspx"


async def answers(asker: Asker, token: str, today: date, days: int) -> AsyncIterator[tuple[str, bytes]]:
    """(address, CSV) of each of the days before `today` that has data, oldest first. Raises Transient."""
    for back in range(days, 0, -1):
        day = (today - timedelta(days=back)).isoformat()
        answer = await asker.ask("GET", f"{REST}/{day}", {"authorization": f"Bearer {token}"})
        if answer.status != 404 and (body := _taken(answer)).strip():
            yield f"poll:snds/{day}", body


async def answers_by_key(asker: Asker, key: str) -> AsyncIterator[tuple[str, bytes]]:
    """(address without the key, CSV) of the newest day. Raises Transient."""
    body = _taken(await asker.ask("GET", BY_KEY, params={"key": key}))
    if body.strip():
        yield "poll:snds/newest", body


def _taken(answer: Answer) -> bytes:
    if answer.status != 200:
        raise Transient(f"SNDS answered {answer.status}; is the sign-in, or the key, still good?")
    return answer.body
