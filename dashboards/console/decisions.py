"""`/api/decisions`: the list, one decision with its evidence, and what people may say to it.

A ruling is answered with 202 once the broker has it; the remediation service acts on it then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from dashboards.console import parameters
from dashboards.console.answers import refusal, reply, sentence
from dashboards.console.bodies import object_in
from dashboards.console.login.person import speaker
from dashboards.console.rulings import Rulings, Word
from dashboards.console.store import Store
from dashboards.decisions import FOREVER_MS, brief, whole
from dashboards.queries import BadParameterError, query
from schemas.errors import Transient
from schemas.remediation import Verb
from schemas.rulings import AFTER, MAX_WHY, RefusedError, State

_PAGE = 50
_MAX_PAGE = 200  # a page of decisions is some 200 kB then
_MAX_BODY_BYTES = 8 * MAX_WHY  # UTF-8 and JSON escapes at their worst, and the name
_EXAMPLE = '{"who": "dana", "why": "the list was bought"}'
_MAX_KEY = 200
_FILTERS = ("tenant", "state", "campaign")


@dataclass(frozen=True, slots=True)
class Decisions:
    """The routes' handlers and what they work with. `clock_ms`: wall time."""

    store: Store
    rulings: Rulings
    clock_ms: Callable[[], int]

    def routes(self) -> list[web.RouteDef]:
        """Everything below `/api/decisions`."""
        return [
            web.get("/api/decisions", self.listed),
            web.get("/api/decisions/{id}", self.show),
            *(web.post(f"/api/decisions/{{id}}/{verb}", self._handler(verb)) for verb in Verb),
        ]

    async def listed(self, request: web.Request) -> web.Response:
        """Newest first. 400 for a bad parameter, 503 without a store."""
        try:
            parameters, size = _asked(request.query)
            named = query("decisions")
            rows = (await self.store.run(named, named.bind(parameters))).records()
        except BadParameterError as error:
            return refusal(400, f"{error}.")
        except Transient as error:
            return refusal(503, str(error), error.retry_after_s)
        shown = [brief(self.rulings.current(row)) for row in rows[:size]]
        last = shown[-1] if len(rows) > size else None
        return reply({"decisions": shown, "next": f"{last['decided_at']}-{last['decision_id']}" if last else None})

    async def show(self, request: web.Request) -> web.Response:
        """One decision: record, evidence, rulings, outcomes, what can be said to it, what a revert would do."""
        try:
            row = await self.rulings.row(request.match_info["id"])
        except RefusedError as error:
            return refusal(error.status, sentence(error))
        except Transient as error:
            return refusal(503, str(error), error.retry_after_s)
        return reply(whole(row, self.clock_ms()))

    def _handler(self, verb: Verb) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.Response:
            return await self._rule(request, verb)

        return handle

    async def _rule(self, request: web.Request, verb: Verb) -> web.Response:
        try:
            ruling, is_repeat = await self.rulings.take(await _word(request, verb))
        except RefusedError as error:
            return refusal(error.status, sentence(error))
        except Transient as error:
            return refusal(503, sentence(error), error.retry_after_s or 1)
        said = {name: getattr(ruling, name) for name in ruling.__slots__}
        return reply({**said, "state": AFTER[verb], "is_repeat": is_repeat}, 202)


async def _word(request: web.Request, verb: Verb) -> Word:
    """What the request says. Raises RefusedError (413, 422)."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > _MAX_KEY:
        raise RefusedError(422, f"the Idempotency-Key has {len(key)} characters; at most {_MAX_KEY} are allowed")
    said = await object_in(request, _MAX_BODY_BYTES, _EXAMPLE)
    for name in said:
        if name not in {"who", "why"}:
            raise RefusedError(422, f"{name[:40]!r} is unknown here; say who and why")
    for name in ("who", "why"):
        if not isinstance(said.get(name, ""), str):
            raise RefusedError(422, f"{name} must be a text")
    who = speaker(request, said.get("who", ""))
    return Word(decision_id=request.match_info["id"], verb=verb, who=who, why=said.get("why", ""), key=key)


def _asked(given: Mapping[str, str]) -> tuple[dict[str, str], int]:
    """The query's parameters, one row more than the page has, and the page's size. Raises BadParameterError."""
    parameters.only(given, *_FILTERS, "limit", "after")
    if (state := given.get("state", "")) not in {"", *State}:
        raise BadParameterError(f"state: {state[:40]!r} is none of {', '.join(State)}")
    limit = parameters.number(given, "limit", _PAGE, _MAX_PAGE)
    to_ms, _, after_id = given.get("after", f"{FOREVER_MS}-").partition("-")
    if not (to_ms.isascii() and to_ms.isdecimal() and int(to_ms[:20]) <= FOREVER_MS):
        raise BadParameterError("after: give back what `next` of the page before said")
    filters = {name: given[name] for name in _FILTERS if name in given}
    span = {"from_ms": "0", "to_ms": to_ms, "after_id": after_id}
    return {**filters, **span, "limit": str(limit + 1)}, limit
