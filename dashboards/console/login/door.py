"""Who comes with a request: by a script's token, or by the session in the cookie.

Who logged in by the file of users is looked up there at every request, so that a change of the file counts at once;
what an identity provider said counts until the session ends.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiohttp import web

from dashboards.console.login.oidc import Provider
from dashboards.console.login.passwords import Passwords
from dashboards.console.login.person import Person
from dashboards.console.login.sessions import Session, Sessions
from dashboards.console.login.users import User, Users

_BEARER = "bearer "


@dataclass(frozen=True, slots=True)
class Door:
    """What the login works with. `passwords`: None where there is no file of users; `is_https`: how people reach the
    console; `proxies`: whose X-Forwarded-For is believed.
    """

    users: Users | None
    passwords: Passwords | None
    provider: Provider | None
    sessions: Sessions
    clock_ms: Callable[[], int]
    is_https: bool = False
    proxies: Sequence[str] = ()

    @property
    def cookie(self) -> str:
        """Its name; browsers keep a name with that prefix to this host, and to https."""
        return "__Host-mailweir" if self.is_https else "mailweir"

    def who(self, request: web.Request) -> Person | None:
        """Who asks; None for nobody we know. A token that nobody has is nobody, whatever the cookie says."""
        given = request.headers.get("Authorization", "")
        if given[: len(_BEARER)].lower() == _BEARER:
            user = self.users.with_token(given[len(_BEARER) :].strip()) if self.users else None
            return user.person() if user else None
        session = self.sessions.use(request.cookies.get(self.cookie, ""), self.clock_ms())
        return self._of(session) if session else None

    def enter(self, response: web.Response, person: Person, user: User | None = None) -> None:
        """A session for the person, in the answer's cookie. `user`: by whose password."""
        id_ = self.sessions.open(person, user.password if user else "", self.clock_ms())
        response.set_cookie(self.cookie, id_, path="/", httponly=True, samesite="Lax", secure=self.is_https)

    def leave(self, request: web.Request, response: web.Response) -> None:
        """End the session."""
        self.sessions.close(request.cookies.get(self.cookie, ""))
        response.del_cookie(self.cookie, path="/", httponly=True, samesite="Lax", secure=self.is_https)

    def address(self, request: web.Request) -> str:
        """From where a request comes: the last address that no proxy of ours has; of IPv6 the network of a house."""
        hops = [*request.headers.get("X-Forwarded-For", "").split(","), request.remote or ""]
        found = hops.pop().strip()
        while hops and self._is_proxy(found) and hops[-1].strip():
            found = hops.pop().strip()
        return _network(found)

    def _is_proxy(self, address: str) -> bool:
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(found in ipaddress.ip_network(each) for each in self.proxies)

    def _of(self, session: Session) -> Person | None:
        if not session.proof:
            return session.person
        user = self.users.named(session.person.name) if self.users else None
        return user.person() if user and user.password == session.proof else None


def _network(address: str) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    return str(ipaddress.ip_network(f"{found}/64", strict=False)) if found.version == 6 else str(found)
