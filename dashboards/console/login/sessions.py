"""Who is logged in: a bounded table in memory, by the hash of a random number that only the browser has.

A session ends at its time, after a while without use, at logout, or as the longest unused of too many. A process has
its own: a logout is one at once, and there is no secret that could leak; with several consoles a browser keeps to one.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from dataclasses import dataclass, replace

from dashboards.console.login.person import Person

MOST_SESSIONS = 10_000  # half a kilobyte each


@dataclass(frozen=True, slots=True)
class Session:
    """`proof`: the password's hash at the login, "" for a login elsewhere; times in ms."""

    person: Person
    proof: str
    began_at: int
    used_at: int


class Sessions:
    """`lasts_ms` from the login on at most, `idle_ms` since the last use."""

    def __init__(self, lasts_ms: int, idle_ms: int, most: int = MOST_SESSIONS) -> None:
        self._lasts_ms, self._idle_ms, self._most = lasts_ms, idle_ms, most
        self._open: OrderedDict[bytes, Session] = OrderedDict()  # the longest unused first

    def open(self, person: Person, proof: str, now_ms: int) -> str:
        """A new session; what the browser is to keep."""
        id_ = secrets.token_urlsafe(32)
        self._open[_key(id_)] = Session(person, proof, now_ms, now_ms)
        if len(self._open) > self._most:
            self._open.popitem(last=False)
        return id_

    def use(self, id_: str, now_ms: int) -> Session | None:
        """The session, used now; None if there is none any more."""
        key = _key(id_)
        found = self._open.get(key)
        if found is None:
            return None
        if now_ms - found.began_at >= self._lasts_ms or now_ms - found.used_at >= self._idle_ms:
            del self._open[key]
            return None
        self._open[key] = found = replace(found, used_at=now_ms)
        self._open.move_to_end(key)
        return found

    def close(self, id_: str) -> None:
        """End it."""
        self._open.pop(_key(id_), None)

    def __len__(self) -> int:
        return len(self._open)


def _key(id_: str) -> bytes:
    return hashlib.sha256(id_.encode()).digest()
