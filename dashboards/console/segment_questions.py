"""What people ask of segments: why somebody is in one, and whom a rule would mean that is in no file yet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiohttp import web

from dashboards.console.answers import answering, reply
from dashboards.console.bodies import object_in
from dashboards.console.segments import Segments
from dashboards.console.store import ForPeople
from dashboards.console.who import key_of, recipient_and_tenant, tenants_in_view, texts
from dashboards.segments.preview import preview
from dashboards.segments.why import Asked, UnknownRecipientError, explain
from dashboards.segments.why_data import as_data
from schemas.config import Config
from schemas.nearest import hint
from schemas.rulings import RefusedError
from schemas.segments.files import Reading, read_pasted
from schemas.segments.rules import Segment

_MOST_EVENTS = 20_000  # of one recipient: a second's work; the command line reads five times as many
_MOST_S = 8  # of the store for a preview: the page waits for ten
_MAX_RULE_BYTES = 256 * 1024  # a rule with its longest list of values
_RULE = '{"rule": "id: buyers\\nevent: {name: order_completed}"}'


@dataclass(frozen=True, slots=True)
class SegmentQuestions:
    """The routes' handlers and what they work with. `clock_ms`: wall time."""

    store: ForPeople
    segments: Segments
    config: Config
    clock_ms: Callable[[], int]

    def routes(self) -> list[web.RouteDef]:
        """What is asked of the stored events."""
        return [
            web.post("/api/segments/preview", answering(self.preview)),
            web.post("/api/segments/explain", answering(self.explain)),
            web.get("/api/segments/{id}/explain", answering(self.explain)),
            web.post("/api/segments/{id}/explain", answering(self.explain)),
        ]

    async def explain(self, request: web.Request) -> web.Response:
        """Why a recipient is in the segment or not; without an id, in which they are."""
        recipient, tenant = await recipient_and_tenant(request)
        rules = await self.segments.rules()
        if rules.segments is None:
            raise RefusedError(404, "no segments are configured; name their folder under `segments` in mailweir.yaml")
        if not rules.segments and rules.wrong:
            raise RefusedError(503, rules.wrong)
        id_ = request.match_info.get("id", "")
        whose = _tenant_of(rules.segments, id_, tenant)
        asked = Asked(
            tenant=whose, recipient_key=key_of(self.config, whose, recipient), segment_id=id_, at=self.clock_ms()
        )
        try:
            told = await self.store.ask("the events", lambda store: explain(store, rules.known, asked, _MOST_EVENTS))
        except UnknownRecipientError as error:
            raise RefusedError(404, str(error)) from None
        return reply(as_data(told.page, told.whys))

    async def preview(self, request: web.Request) -> web.Response:
        """How many recipients a rule has by the stored events, and some; 422 with all that is wrong in it."""
        said = await object_in(request, _MAX_RULE_BYTES, _RULE)
        rule = said.pop("rule", None)
        (tenant,) = texts(said, ("tenant",))
        if not isinstance(rule, (str, list, dict)):
            raise RefusedError(422, f"say `rule`, a text of YAML or an object, as in {_RULE}")
        rules = await self.segments.rules()
        whose = tenant or tenants_in_view(self.config)[0]
        reading = await asyncio.to_thread(read_pasted, rule, whose, rules.known)
        findings = [
            {"severity": each.severity, "place": each.place, "sentence": each.sentence} for each in reading.findings
        ]
        if wrong := self._wrong(reading):
            return reply({"error": wrong, "findings": findings}, 422)
        segment, now_ms = reading.segments[0], self.clock_ms()
        named = [*rules.known, segment]  # of two with one id the last counts
        found = await self.store.ask("the preview", lambda store: preview(store, segment, named, now_ms, _MOST_S))
        return reply({**found.as_data(), "findings": findings})

    def _wrong(self, reading: Reading) -> str:
        """Why the rule is not asked; "" for nothing."""
        if reading.errors:
            more = f" (and {len(reading.errors) - 1} more)" if len(reading.errors) > 1 else ""
            return f"{str(reading.errors[0]).removeprefix('error: ')}{more}"
        if len(reading.segments) > 1:
            return f"There are {len(reading.segments)} segments; leave the one that you want to see."
        names = tenants_in_view(self.config)
        if (tenant := reading.segments[0].tenant) not in names:
            return f"No tenant is called {tenant!r}; {hint(tenant, names)}"
        return ""


def _tenant_of(segments: Sequence[Segment], id_: str, wanted: str) -> str:
    """Whose segments are meant. Raises RefusedError."""
    having = {each.tenant for each in segments if id_ in ("", each.id)}
    if not having:
        raise RefusedError(404, f"no file has a segment {id_[:64]!r}; {hint(id_[:64], {each.id for each in segments})}")
    if wanted and wanted not in having:
        raise RefusedError(404, f"the tenant {wanted[:64]!r} has no such segment; {hint(wanted[:64], having)}")
    if not wanted and len(having) > 1:
        raise RefusedError(400, f"several tenants have that; choose with `tenant` one of {', '.join(sorted(having))}")
    return wanted or having.pop()
