"""`/api/recipients`: what is known of one recipient, what happened with them, whether they may be mailed.

By key, or with a body by address. Every answer is written down with a name before it is given (`looks.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from dashboards.console.answers import Handler, answering, reply
from dashboards.console.asker import who
from dashboards.console.looks import Looks
from dashboards.console.parameters import place
from dashboards.console.store import ForPeople
from dashboards.console.who import about_one, configured_tenant, key_of
from dashboards.queries import PRIVATE
from dashboards.segments.profile import profile
from dashboards.segments.why import UnknownRecipientError, unknown_recipient
from schemas.access import Part
from schemas.config import Config
from schemas.rulings import RefusedError

_MOST_S = 8  # of the store: the page waits for ten
_PAGE = 100  # events


@dataclass(frozen=True, slots=True)
class _Whom:
    """Who is looked at, and what else was said."""

    tenant: str
    key: str
    said: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Recipients:
    """The routes' handlers and what they work with. `clock_ms`: wall time."""

    store: ForPeople
    config: Config
    looks: Looks
    clock_ms: Callable[[], int]

    def routes(self) -> list[web.RouteDef]:
        """Each part by key, and with a body by address."""
        parts: dict[str, Handler] = {
            "": answering(self.show),
            "/timeline": answering(self.timeline),
            "/standing": answering(self.standing),
        }
        return [
            *(web.get(f"/api/recipients/{{key}}{path}", handler) for path, handler in parts.items()),
            *(web.post(f"/api/recipients{path}", handler) for path, handler in parts.items()),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """The recipient's profile as known now. 404 where nothing is stored of them."""
        whom = await self._whom(request, Part.PROFILE)
        now_ms = self.clock_ms()
        try:
            found = await self.store.ask(
                "the recipient's events", lambda store: profile(store, whom.tenant, whom.key, now_ms, _MOST_S)
            )
        except UnknownRecipientError as error:
            raise RefusedError(404, str(error)) from None
        return reply(found)

    async def timeline(self, request: web.Request) -> web.Response:
        """Mail and activities, newest first, a hundred a page. 404 where nothing is stored of them."""
        whom = await self._whom(request, Part.TIMELINE, "after")
        after = whom.said["after"]
        before_ms, after_id = place(after)
        rows = await self._rows(
            "recipient_timeline", whom, to_ms=str(before_ms), after_id=after_id, limit=str(_PAGE + 1)
        )
        if not rows and not after:
            raise RefusedError(404, str(unknown_recipient(whom.tenant, whom.key, self.clock_ms())))
        shown = rows[:_PAGE]
        following = f"{shown[-1]['at']}-{shown[-1]['event_id']}" if len(rows) > _PAGE else None
        return reply({"tenant": whom.tenant, "recipient_key": whom.key, "events": shown, "next": following})

    async def standing(self, request: web.Request) -> web.Response:
        """Whether and why they must not be mailed, and their journeys."""
        whom = await self._whom(request, Part.STANDING)
        facts = await self._rows("recipient_suppressions", whom, to_ms=str(self.clock_ms()))
        for fact in facts:
            fact["in_force"] = bool(fact["in_force"])
        runs = await self._rows("recipient_journeys", whom)
        return reply({"tenant": whom.tenant, "recipient_key": whom.key, "suppressions": facts, "journeys": runs})

    async def _whom(self, request: web.Request, part: Part, *more: str) -> _Whom:
        """Who is meant, once it is written down that they are looked at."""
        said = await about_one(request, *more)
        tenant = configured_tenant(self.config, said["tenant"])
        key = key_of(self.config, tenant, said["recipient"])
        why = said["why"] or request.headers.get("Mailweir-Why", "")
        await self.looks.write(tenant, key, part, who(request, said["who"]), why)
        return _Whom(tenant, key, said)

    async def _rows(self, name: str, whom: _Whom, **given: str) -> list[dict[str, Any]]:
        named = PRIVATE[name]
        about = {"tenant": whom.tenant, "recipient": whom.key, **given}
        return (await self.store.run(named, named.bind(about))).records()
