"""The way to the identity provider and back: what must be the same then waits in the browser's own cookie.

State, nonce and PKCE's verifier are random numbers for one login, in a cookie that no script can read and that lives
ten minutes: nothing is kept here, so nobody can fill it, and a login may begin at one console and end at another.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass

from aiohttp import web

from dashboards.console.login.oidc import NotLoggedInError, Provider
from dashboards.console.login.person import Person

_LASTS_S = 600  # who needs longer at the provider begins again
_MOST_PATH = 1_000


@dataclass(frozen=True, slots=True)
class Flow:
    """One login at the provider."""

    provider: Provider
    is_https: bool

    @property
    def cookie(self) -> str:
        """The name of what waits in the browser."""
        return "__Host-mailweir-login" if self.is_https else "mailweir-login"

    async def away(self, to: str) -> web.Response:
        """To the provider; `to`: the page that was wanted. Raises NotLoggedInError."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        digest = hashlib.sha256(verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        response = _going(await self.provider.address(state, nonce, challenge))
        waiting = json.dumps([state, nonce, verifier, to if is_ours(to) else "/"])
        response.set_cookie(
            self.cookie, base64.urlsafe_b64encode(waiting.encode()).decode(),
            path="/", max_age=_LASTS_S, httponly=True, samesite="Lax", secure=self.is_https,
        )  # fmt: skip
        return response

    async def back(self, request: web.Request) -> tuple[Person, web.Response]:
        """From the provider: who it is, and the answer that leads on. Raises NotLoggedInError."""
        state, nonce, verifier, to = self._waiting(request)
        given = request.query
        if not hmac.compare_digest(given.get("state", "").encode(), state.encode()):
            raise NotLoggedInError("late", "the state is not that of the login that began in this browser")
        if "code" not in given:
            raise NotLoggedInError("denied", "the identity provider gave no code")
        person = await self.provider.person(given["code"], verifier, nonce)
        response = _going(to if is_ours(to) else "/")
        response.del_cookie(self.cookie, path="/", httponly=True, samesite="Lax", secure=self.is_https)
        return person, response

    def _waiting(self, request: web.Request) -> list[str]:
        try:
            found = json.loads(base64.urlsafe_b64decode(request.cookies.get(self.cookie, "")))
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, list) or len(found) != 4 or not all(isinstance(each, str) and each for each in found):
            raise NotLoggedInError("late", "no login began in this browser within ten minutes")
        return found


def is_ours(path: str) -> bool:
    """Whether it is a path of the console, and of nothing else whatever a browser makes of it."""
    is_plain = path.isascii() and path.isprintable() and "\\" not in path
    return is_plain and path.startswith("/") and not path.startswith("//") and len(path) <= _MOST_PATH


def _going(where: str) -> web.Response:
    return web.Response(status=303, headers={"Location": where, "Cache-Control": "no-store"})
