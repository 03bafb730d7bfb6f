"""A name and a password become a person, or one sentence: the same for a wrong name and a wrong password.

Both take one hash of the password, in a thread, two at a time at most; failures are counted by name and address
together, by name, and by address, before the hash is made, so that many tries at once are counted as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from dashboards.console.login.attempts import Attempts
from dashboards.console.login.hashes import is_password, password_hash
from dashboards.console.login.users import User, Users
from schemas.errors import MailweirError, Transient
from schemas.rulings import RefusedError

_MOST_FROM_ONE, _MOST_BY_NAME, _MOST_BY_ADDRESS = 5, 30, 30
_AT_ONCE = 2  # 32 MiB each
_MOST_WAITING = 20  # a fifth of a second each
_MOST_NAME = 100


class TooOftenError(MailweirError):
    """Tried too often. `wait_s`: until the next try."""

    def __init__(self, wait_s: float) -> None:
        minutes = max(1, round(wait_s / 60))
        super().__init__(f"That was tried too often; wait {minutes} minute{'' if minutes == 1 else 's'}.")
        self.wait_s = wait_s


class Passwords:
    """`clock_ms`: wall time."""

    def __init__(self, users: Users, clock_ms: Callable[[], int]) -> None:
        self._users, self._clock_ms = users, clock_ms
        self._from_one, self._by_name = Attempts(_MOST_FROM_ONE), Attempts(_MOST_BY_NAME)
        self._by_address = Attempts(_MOST_BY_ADDRESS)
        self._free, self._waiting = asyncio.Semaphore(_AT_ONCE), 0
        self._nobodys = password_hash("nobody's", b"\0" * 16)

    async def user(self, name: str, password: str, address: str) -> User:
        """Whose name and password these are. Raises TooOftenError, RefusedError (401), Transient."""
        name, now_ms = name[:_MOST_NAME], self._clock_ms()
        counts = ((self._from_one, f"{name}\n{address}"), (self._by_name, name), (self._by_address, address))
        if wait_ms := max(attempts.wait_ms(key, now_ms) for attempts, key in counts):
            raise TooOftenError(wait_ms / 1000)
        if self._waiting >= _MOST_WAITING:
            raise Transient("many people log in at this moment; try again in a few seconds", 5)
        for attempts, key in counts:
            attempts.note(key, now_ms)
        user = self._users.named(name)
        is_right = await self._is_right(password, user.password if user else "")
        if user is None or not is_right:
            raise RefusedError(401, "the name or the password is wrong")
        for attempts, key in counts:
            attempts.take_back(key)
        return user

    async def _is_right(self, password: str, hashed: str) -> bool:
        self._waiting += 1
        try:
            async with self._free:
                return await asyncio.to_thread(is_password, password, hashed or self._nobodys)
        finally:
            self._waiting -= 1
