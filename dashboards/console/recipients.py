"""`/api/recipients`: what is known of one recipient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from dashboards.console.answers import answering, reply
from dashboards.console.store import ForPeople
from dashboards.console.who import configured_tenant, key_of, recipient_and_tenant
from dashboards.segments.profile import profile
from dashboards.segments.why import UnknownRecipientError
from schemas.config import Config
from schemas.rulings import RefusedError

_MOST_S = 8  # of the store: the page waits for ten


@dataclass(frozen=True, slots=True)
class Recipients:
    """The routes' handlers and what they work with. `clock_ms`: wall time."""

    store: ForPeople
    config: Config
    clock_ms: Callable[[], int]

    def routes(self) -> list[web.RouteDef]:
        """By key, or with a body by address."""
        return [
            web.get("/api/recipients/{key}", answering(self.show)),
            web.post("/api/recipients", answering(self.show)),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """The recipient's profile as known now. 404 where nothing is stored of them."""
        recipient, wanted = await recipient_and_tenant(request)
        tenant = configured_tenant(self.config, wanted)
        key, now_ms = key_of(self.config, tenant, recipient), self.clock_ms()
        try:
            found = await self.store.ask(
                "the recipient's events", lambda store: profile(store, tenant, key, now_ms, _MOST_S)
            )
        except UnknownRecipientError as error:
            raise RefusedError(404, str(error)) from None
        return reply(found)
