"""`GET /api/keys`: one campaign, IP, pool, domain, provider or tenant, from its score down to single events."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from aiohttp import web

from dashboards.console import parameters
from dashboards.console.answers import answering, reply
from dashboards.console.kept import Kept
from dashboards.console.who import configured_tenant
from dashboards.queries import BadParameterError
from schemas.aggregates import KeyKind
from schemas.config import Config
from schemas.rulings import RefusedError

_HOUR_S, _DAY_S = 3_600, 86_400
_NOUNS: Mapping[str, str] = {
    KeyKind.CAMPAIGN: "campaign",
    KeyKind.IP: "IP",
    KeyKind.IP_POOL: "IP pool",
    KeyKind.DOMAIN: "sending domain",
    KeyKind.PROVIDER: "mailbox provider",
    KeyKind.TENANT: "tenant",
}
ASKED = ("key_score", "key_scores", "key_decisions", "key_providers", "key_replies", "key_events")
"""The queries behind the page."""
_WHAT = ("tenant", "kind", "key", "span")
_MOST_REPLIES, _MOST_EVENTS = 50, 50
_JSON = ("penalties", "signals", "emulations")


class _Steps(NamedTuple):
    """How far back the page looks, and in which steps scores are drawn (s)."""

    span_s: int
    step_s: int
    words: str


_SPANS = {
    "24h": _Steps(_DAY_S, 300, "24 hours"),
    "1h": _Steps(_HOUR_S, 15, "hour"),
    "7d": _Steps(7 * _DAY_S, 1_800, "7 days"),
}


class _Key(NamedTuple):
    """What is looked at."""

    tenant: str
    kind: str
    key: str
    steps: _Steps

    def parameters(self) -> dict[str, str]:
        """As the queries take them."""
        return {"tenant": self.tenant, "kind": self.kind, "key": self.key}

    def span(self, now_ms: int) -> dict[str, Any]:
        """The beginning of every answer."""
        return {**self.parameters(), "at_ms": now_ms, "span_s": self.steps.span_s}


@dataclass(frozen=True, slots=True)
class Keys:
    """The routes' handlers and what they work with. `clock_ms`: wall time."""

    kept: Kept
    config: Config
    clock_ms: Callable[[], int]

    def routes(self) -> list[web.RouteDef]:
        """From the whole to its parts."""
        return [
            web.get("/api/keys", answering(self.show)),
            web.get("/api/keys/replies", answering(self.replies)),
            web.get("/api/keys/events", answering(self.events)),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """Score now and over the span, decisions, mailbox providers. 404 where nothing is stored."""
        asked = self._asked(request.query)
        scores = await self._rows("key_score", asked)
        providers = await self._rows("key_providers", asked)
        if not scores and not providers:
            raise RefusedError(404, _nothing(asked))
        history = await self._rows("key_scores", asked, bucket_s=str(asked.steps.step_s))
        return reply(
            {
                **asked.span(self.clock_ms()),
                "score": _parsed(scores[0]) if scores else None,
                "step_s": asked.steps.step_s,
                "history": [{name.removeprefix("newest_"): each[name] for name in each} for each in history],
                "decisions": await self._rows("key_decisions", asked),
                "providers": providers,
            }
        )

    async def replies(self, request: web.Request) -> web.Response:
        """What refusals and deferrals say, at one `provider` or all; the fifty most frequent."""
        asked, provider = self._asked(request.query, "provider"), parameters.text(request.query, "provider")
        found = await self._rows("key_replies", asked, provider=provider, limit=str(_MOST_REPLIES + 1))
        span = asked.span(self.clock_ms())
        return reply(
            {**span, "provider": provider, "replies": found[:_MOST_REPLIES], "is_cut": len(found) > _MOST_REPLIES}
        )

    async def events(self, request: web.Request) -> web.Response:
        """The newest fifty events, of one `provider` and `reply` or all. 404 where a reply is not there (any more)."""
        asked = self._asked(request.query, "provider", "reply")
        narrowed = {name: parameters.text(request.query, name) for name in ("provider", "reply")}
        found = await self._rows("key_events", asked, **narrowed, limit=str(_MOST_EVENTS + 1))
        if not found and narrowed["reply"]:
            raise RefusedError(
                404, f"no event of the last {asked.steps.words} has this reply; look at the replies again"
            )
        span = asked.span(self.clock_ms())
        return reply({**span, **narrowed, "events": found[:_MOST_EVENTS], "is_cut": len(found) > _MOST_EVENTS})

    def _asked(self, given: Mapping[str, str], *more: str) -> _Key:
        """Raises BadParameterError, RefusedError."""
        parameters.only(given, *_WHAT, *more)
        kind, key = parameters.text(given, "kind"), parameters.text(given, "key")
        if kind not in _NOUNS:
            raise BadParameterError(f"kind: {kind[:40]!r} is none of {', '.join(_NOUNS)}{_one_part(kind)}")
        tenant = parameters.text(given, "tenant") or configured_tenant(self.config, "")
        if not key:
            raise BadParameterError(f"key: say which {_NOUNS[kind]}")
        return _Key(tenant, kind, key, _SPANS[parameters.word(given, "span", _SPANS)])

    async def _rows(self, name: str, asked: _Key, **more: str) -> list[dict[str, Any]]:
        return (await self.kept.fresh(name, asked.steps.span_s, **asked.parameters(), **more)).records()


def _nothing(asked: _Key) -> str:
    return (
        f"nothing is stored of the {_NOUNS[asked.kind]} {asked.key[:64]!r} of the tenant {asked.tenant!r} in the last"
        f" {asked.steps.words}, and it has no score; is it spelled right, and the span long enough?"
    )


def _one_part(kind: str) -> str:
    """What to ask instead of a key of two parts."""
    first = kind.removesuffix("_provider")
    return f"; ask for the {first} and choose the provider" if first != kind and first in _NOUNS else ""


def _parsed(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, **{name: json.loads(row[name]) for name in _JSON}}
