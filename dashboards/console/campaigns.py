"""Campaigns: `/api/campaigns`, and the report of each as JSON and as a page to read and to print.

The page is the file that `mailweir report --html` writes, under the console's content policy. A report is some ten
queries, asked one after the other among what single people ask, so that live panels never wait for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from aiohttp import web

from dashboards.campaigns import asking
from dashboards.campaigns.as_rows import as_json
from dashboards.campaigns.asking import Asked
from dashboards.campaigns.figures import Report
from dashboards.campaigns.markup import Markup, joined, tag
from dashboards.campaigns.page import console_page, list_page, said_page
from dashboards.campaigns.report import report_of
from dashboards.campaigns.style import style_sheet
from dashboards.console import parameters
from dashboards.console.answers import answering, reply, sentence
from dashboards.console.pages import CAMPAIGNS, navigation
from dashboards.console.store import ForPeople
from dashboards.decisions import FOREVER_MS
from dashboards.queries import BadParameterError, query
from schemas.errors import Transient
from schemas.rulings import RefusedError
from streams.core.reputation.delay import DelayCurve

_PAGE, _MOST = 50, 500
_LINKS = joined(
    tag("link", rel="icon", href="/static/mark.svg", type="image/svg+xml"),
    tag("link", rel="stylesheet", href="/static/css/tokens.css"),  # for the font
    tag("link", rel="stylesheet", href="/report.css"),
    tag("script", src="/static/frame.js"),
)


@dataclass(frozen=True, slots=True)
class Campaigns:
    """The routes' handlers and what they work with. `clock_ms`: wall time; `delay`: how late complaints come."""

    store: ForPeople
    clock_ms: Callable[[], int]
    delay: DelayCurve

    def routes(self) -> list[web.RouteDef]:
        """The list and one campaign, each as JSON and as a page, and the pages' style sheet."""
        return [
            web.get("/api/campaigns", answering(self.listed)),
            web.get("/api/campaigns/{id:.+}", answering(self.show)),
            web.get("/campaigns", self.list_page),
            web.get("/campaigns/{id:.+}", self.page),
            web.get("/report.css", self.styles),
        ]

    async def listed(self, request: web.Request) -> web.Response:
        """Newest first; `next` is the `after` of the next page, None on the last."""
        rows, following = await self._list(request.query)
        return reply({"campaigns": rows, "next": following})

    async def show(self, request: web.Request) -> web.Response:
        """Every figure of one report."""
        return reply(as_json(await self._report(request)))

    async def page(self, request: web.Request) -> web.Response:
        """The report to read."""
        try:
            report = await self._report(request)
        except (RefusedError, BadParameterError, Transient) as error:
            return _refused(error)
        given = request.query_string
        json = f"/api/campaigns/{quote(report.campaign, safe='')}{'?' + given if given else ''}"
        return _html(console_page(report, _top(tag("a", "JSON", href=json)), _LINKS))

    async def list_page(self, request: web.Request) -> web.Response:
        """Campaigns to choose from; `?id=` leads to that one's report."""
        given = dict(request.query)
        if id_ := given.pop("id", ""):
            raise web.HTTPFound(f"/campaigns/{quote(id_, safe='')}{'?' if given else ''}{urlencode(given)}")
        try:
            rows, following = await self._list(given)
        except (RefusedError, BadParameterError, Transient) as error:
            return _refused(error)
        older = f"?{urlencode({**given, 'after': following})}" if following else ""
        return _html(list_page(rows, older, _top(), _LINKS))

    async def styles(self, _request: web.Request) -> web.Response:
        """The report's style sheet."""
        return web.Response(text=style_sheet(), content_type="text/css", headers={"Cache-Control": "no-cache"})

    async def _list(self, given: Mapping[str, str]) -> tuple[list[dict[str, Any]], str | None]:
        asked, size = _asked(given)
        named = query("campaign_list")
        rows = (await self.store.run(named, named.bind(asked))).records()
        last = rows[size - 1] if len(rows) > size else None
        return rows[:size], f"{last['first_at']}/{last['tenant']}/{last['campaign_id']}" if last else None

    async def _report(self, request: web.Request) -> Report:
        """Raises RefusedError, BadParameterError, Transient."""
        asked, now_ms = _wanted(request.match_info["id"], request.query), self.clock_ms()
        found = asking.chosen(asked, await self._rows(asking.which(asked)))
        if found is None:
            raise asking.missing(asked, await self._rows(asking.known(asked)))
        answers = {each.name: await self._rows(each) for each in asking.questions(found, asked, now_ms)}
        return report_of(found, answers, now_ms, self.delay)

    async def _rows(self, question: asking.Question) -> list[dict[str, Any]]:
        return (await self.store.run(question.named, question.given)).records()


def _wanted(campaign: str, given: Mapping[str, str]) -> Asked:
    """What a request asks for. Raises BadParameterError."""
    parameters.only(given, "tenant", "from_ms", "to_ms")
    from_ms, to_ms = (
        _number(given, name, usual, FOREVER_MS) for name, usual in (("from_ms", 0), ("to_ms", FOREVER_MS))
    )
    return Asked(campaign=campaign, tenant=given.get("tenant", ""), from_ms=from_ms, to_ms=to_ms)


def _asked(given: Mapping[str, str]) -> tuple[dict[str, str], int]:
    """The list's parameters, one row more than the page has, and the page's size. Raises BadParameterError."""
    parameters.only(given, "tenant", "prefix", "limit", "after")
    size = parameters.number(given, "limit", _PAGE, _MOST)
    found = {name: given[name] for name in ("tenant", "prefix") if name in given}
    if after := given.get("after", ""):
        first_at, _, rest = after.partition("/")
        tenant, slash, campaign = rest.partition("/")
        if not slash or not (first_at.isascii() and first_at.isdecimal()):
            raise BadParameterError("after: give back what `next` of the page before said")
        found |= {"after_ms": first_at, "after_tenant": tenant, "after_campaign": campaign}
    return {**found, "from_ms": "0", "to_ms": str(FOREVER_MS), "limit": str(size + 1)}, size


def _number(given: Mapping[str, str], name: str, usual: int, most: int) -> int:
    text = given.get(name, str(usual))
    if not (text.isascii() and text.isdecimal() and int(text[:20]) <= most):
        raise BadParameterError(f"{name}: expected a whole number up to {most}, got {text[:40]!r}")
    return int(text)


def _top(*more: Markup) -> Markup:
    """What stands above the page: the console's navigation, and the theme (`static/frame.js`)."""
    brand = tag("a", "mailweir", href="/", class_="brand")
    ways = tag("nav", Markup(navigation(CAMPAIGNS)), *more, aria_label="Pages")
    theme = tag("button", "Light or dark", type="button", id="theme")
    return tag("header", brand, ways, theme, class_="topbar")


def _refused(error: Exception) -> web.Response:
    status = 400 if isinstance(error, BadParameterError) else 503 if isinstance(error, Transient) else 404
    if isinstance(error, RefusedError):
        status = error.status
    response = _html(said_page(sentence(error), _top(), _LINKS))
    response.set_status(status)
    return response


def _html(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-store"})
