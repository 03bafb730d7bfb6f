"""The routes of the login: its page, name and password, the identity provider and back, the way out, who one is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from dashboards.console.answers import answering, refusal, reply
from dashboards.console.bodies import object_in
from dashboards.console.login.door import Door
from dashboards.console.login.flow import Flow
from dashboards.console.login.oidc import NotLoggedInError
from dashboards.console.login.passwords import TooOftenError
from dashboards.console.login.person import Person, person_of
from dashboards.console.metrics import LoginMetrics
from dashboards.console.who import texts
from schemas.rulings import RefusedError

_MOST_BYTES = 4_096
_EXAMPLE = '{"name": "dana", "password": "..."}'


@dataclass(frozen=True, slots=True)
class WaysIn:
    """The handlers. `door`: None where there is no login."""

    door: Door | None
    page: Path
    metrics: LoginMetrics

    def routes(self) -> list[web.RouteDef]:
        """All of them; where there is no login only who one is: anybody."""
        me = web.get("/api/me", self.me)
        if self.door is None:
            return [me]
        return [
            me,
            web.get("/login", self.login_page),
            web.get("/api/login", self.ways),
            web.post("/api/login", answering(self.login)),
            web.post("/api/logout", self.logout),
            web.get("/login/oidc", self.away),
            web.get("/login/callback", self.back),
        ]

    async def me(self, request: web.Request) -> web.Response:
        """Who is logged in, and what they may."""
        person = person_of(request)
        return reply({
            "name": person.name, "role": person.role, "tenants": person.scope.as_list(),
            "is_known": self.door is not None,
        })  # fmt: skip

    async def login_page(self, request: web.Request) -> web.StreamResponse:
        """The page; whoever is logged in goes on."""
        if self._door.who(request):
            return _to("/")
        return web.FileResponse(self.page, headers={"Cache-Control": "no-store"})

    async def ways(self, _request: web.Request) -> web.Response:
        """Which ways in there are."""
        provider = self._door.provider
        return reply({"password": self._door.users is not None, "provider": provider.name if provider else ""})

    async def login(self, request: web.Request) -> web.StreamResponse:
        """By name and password. 401 with the reason, 429 when tried too often."""
        said = await object_in(request, _MOST_BYTES, _EXAMPLE)
        password = said.pop("password", "")
        (name,) = texts(said, ("name",))
        if self._door.passwords is None:
            raise RefusedError(404, "nobody has a password here; log in at the identity provider")
        if not isinstance(password, str) or not name or not password:
            raise RefusedError(422, f"say name and password, as in {_EXAMPLE}")
        try:
            user = await self._door.passwords.user(name, password, self._door.address(request))
        except RefusedError:
            self.metrics.count("password", "refused")
            raise
        except TooOftenError as error:
            self.metrics.count("password", "too_often")
            return refusal(429, str(error), error.wait_s)
        self.metrics.count("password", "let_in")
        response = _described(user.person())
        self._door.leave(request, response)  # a session from before, perhaps another person's
        self._door.enter(response, user.person(), user)
        return response

    async def logout(self, request: web.Request) -> web.Response:
        """End the session, if there is one."""
        response = reply({})
        self._door.leave(request, response)
        return response

    async def away(self, request: web.Request) -> web.Response:
        """To the identity provider."""
        if self._door.provider is None:
            return refusal(404, "No identity provider is configured.")
        flow = Flow(self._door.provider, is_https=self._door.is_https)
        try:
            return await flow.away(request.query.get("to", "/"))
        except NotLoggedInError as error:
            return _to(f"/login?why={error.why}")

    async def back(self, request: web.Request) -> web.Response:
        """From the identity provider."""
        if self._door.provider is None:
            return refusal(404, "No identity provider is configured.")
        flow = Flow(self._door.provider, is_https=self._door.is_https)
        try:
            person, response = await flow.back(request)
        except NotLoggedInError as error:
            self.metrics.count("provider", "refused")
            return _to(f"/login?why={error.why}")
        self.metrics.count("provider", "let_in")
        self._door.leave(request, response)
        self._door.enter(response, person)
        return response

    @property
    def _door(self) -> Door:
        if self.door is None:
            raise LookupError("there is no login")
        return self.door


def _described(person: Person) -> web.Response:
    return reply({"name": person.name, "role": person.role, "tenants": person.scope.as_list()})


def _to(path: str) -> web.Response:
    return web.Response(status=303, headers={"Location": path, "Cache-Control": "no-store"})
