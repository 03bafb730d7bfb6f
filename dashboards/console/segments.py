"""`GET /api/segments`: which there are, how large they are and were, who came and went."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from aiohttp import web

from dashboards.console import parameters
from dashboards.console.answers import answering, reply
from dashboards.console.kept import Kept
from dashboards.console.scope import current
from dashboards.queries import BadParameterError
from dashboards.segments.listing import listed
from dashboards.segments.rules import RuleFiles, Rules
from schemas.nearest import hint
from schemas.rulings import RefusedError
from schemas.segments.rules import Segment
from schemas.segments.written import written

_HOUR_S, _DAY_S = 3_600, 86_400
_EVER_S = 20 * 365 * _DAY_S  # no transition is older
_MOST_SEGMENTS = "10000"  # as the files may have
_MOST_DRAWN = 500  # segments with a line each: of more the query would not answer all
_PAGE, _MAX_PAGE = 200, 1_000
_LATEST, _MAX_LATEST = 50, 500


class _Steps(NamedTuple):
    """How far back sizes go, and in which steps (s)."""

    span_s: int
    step_s: int


_SPANS = {
    "7d": _Steps(7 * _DAY_S, _HOUR_S),
    "90d": _Steps(90 * _DAY_S, _DAY_S),
    "2h": _Steps(2 * _HOUR_S, 60),
    "15m": _Steps(900, 5),
}


@dataclass(frozen=True, slots=True)
class Segments:
    """The routes' handlers and what they work with. `files`: None where no segments are configured; `clock_ms`: wall
    time.
    """

    kept: Kept
    files: RuleFiles | None
    clock_ms: Callable[[], int]

    def routes(self) -> list[web.RouteDef]:
        """What only reads what is stored already."""
        return [
            web.get("/api/segments", answering(self.listed)),
            web.get("/api/segments/{id}", answering(self.show)),
        ]

    async def rules(self) -> Rules:
        """What the files hold now, of the tenants in view."""
        if self.files is None:
            return Rules(None)
        rules, scope = await asyncio.to_thread(self.files.read), current()
        if scope.is_all:
            return rules
        wrong = "they cannot be read as they are now" if rules.wrong else ""  # what is wrong may be another tenant's
        return Rules([each for each in rules.known if scope.has(each.tenant)], wrong)

    async def listed(self, request: web.Request) -> web.Response:
        """By tenant and id: status, size, who came and went in the last day, the size hour by hour."""
        given = request.query
        parameters.only(given, "tenant", "limit", "after")
        tenant, limit = parameters.text(given, "tenant"), parameters.number(given, "limit", _PAGE, _MAX_PAGE)
        rules = await self.rules()
        found = await self._records(rules, tenant)
        left = [each for each in found if _place(each) > _after(parameters.text(given, "after"))]
        shown = left[:limit]
        trends = await self._trends(tenant) if len(found) <= _MOST_DRAWN else {}
        for each in shown:
            each["trend"] = trends.get(_place(each), [])
        following = "/".join(_place(shown[-1])) if len(left) > limit else None
        return reply({"at_ms": self.clock_ms(), "segments": shown, "next": following, "wrong": rules.wrong})

    async def show(self, request: web.Request) -> web.Response:
        """One segment: the same, its rule, its size over time, its latest transitions."""
        given, id_ = request.query, request.match_info["id"]
        parameters.only(given, "tenant", "span", "limit")
        steps = _SPANS[parameters.word(given, "span", _SPANS)]
        limit = parameters.number(given, "limit", _LATEST, _MAX_LATEST)
        rules = await self.rules()
        found = _one(await self._records(rules, parameters.text(given, "tenant")), id_)
        of_it = {"tenant": found["tenant"], "segment": id_}
        sizes = await self.kept.fresh("segment_sizes", steps.span_s, bucket_s=str(steps.step_s), **of_it)
        latest = await self.kept.fresh("segment_transitions", _EVER_S, limit=str(limit), **of_it)
        points = sizes.records()
        found |= {
            "rule": _rule(rules.known, _place(found)),
            "times": [each["time"] for each in points],
            "sizes": [int(each["size"]) for each in points],
            "transitions": [
                {name: value for name, value in each.items() if name not in {"tenant", "segment_id"}}
                for each in latest.records()
            ],
        }
        return reply({"at_ms": self.clock_ms(), "segment": found, "wrong": rules.wrong})

    async def _records(self, rules: Rules, tenant: str) -> list[dict[str, Any]]:
        stored = await self.kept.fresh("segments", _DAY_S, tenant=tenant, limit=_MOST_SEGMENTS)
        announced = await self.kept.fresh("segment_list", _DAY_S, tenant=tenant)
        return listed(stored.records(), announced.records(), rules.segments, tenant)

    async def _trends(self, tenant: str) -> Mapping[tuple[str, str], list[int]]:
        found: dict[tuple[str, str], list[int]] = {}
        sizes = await self.kept.fresh("segment_sizes", _DAY_S, tenant=tenant, bucket_s=str(_HOUR_S))
        for each in sizes.records():
            found.setdefault((each["tenant"], each["segment_id"]), []).append(int(each["size"]))
        return found


def _place(record: Mapping[str, Any]) -> tuple[str, str]:
    return (record["tenant"], record["id"])


def _after(said: str) -> tuple[str, str]:
    """Where a page begins. Raises BadParameterError."""
    tenant, slash, id_ = said.partition("/")
    if said and not slash:
        raise BadParameterError("after: give back what `next` of the page before said")
    return tenant, id_


def _one(records: Sequence[dict[str, Any]], id_: str) -> dict[str, Any]:
    """The record with that id. Raises RefusedError."""
    found = [each for each in records if each["id"] == id_]
    if not found:
        raise RefusedError(404, f"there is no segment {id_[:64]!r}; {hint(id_[:64], {each['id'] for each in records})}")
    if len(found) > 1:
        tenants = ", ".join(each["tenant"] for each in found)
        raise RefusedError(400, f"several tenants have a segment {id_!r}; choose with `tenant` one of {tenants}")
    return found[0]


def _rule(segments: Sequence[Segment], place: tuple[str, str]) -> str | None:
    """The rule as people write it; None if no file has it."""
    return next((written(each.rule) for each in segments if (each.tenant, each.id) == place), None)
