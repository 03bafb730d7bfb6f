"""The console's pages: where each lies, what it is called in the navigation, and the frame that they share.

A page is one file in `html/`: first what belongs into its head (title, description, styles, modules), then, from
`<main` on, its body. `html/frame.html` has the rest, once for all: head, navigation, link to the stream, theme. A new
page is such a file and one line in `NAVIGATION`. Pages are put together when the console starts, so each arrives whole:
nothing is moved or drawn anew once it is there, and the navigation works without JavaScript.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path

from aiohttp import web

HTML = Path(__file__).with_name("html")
_HEAD, _NAVIGATION, _BODY = "<!-- head of the page -->", "<!-- navigation -->", "<!-- body of the page -->"


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its path (aiohttp's notation, `/things/{id}` too), its file, its word in the navigation.

    Without a label it is not in the navigation; `under` is then the path of the page to which it belongs.
    """

    path: str
    file: str
    label: str = ""
    under: str = ""


CAMPAIGNS = Page("/campaigns", "", "Campaigns")  # made anew for each request (`campaigns.py`)
NAVIGATION = (
    Page("/", "index.html", "Overview"),
    CAMPAIGNS,
    Page("/keys", "keys.html", "Keys"),
    Page("/segments", "segments.html", "Segments"),
    Page("/recipients", "recipients.html", "Recipients"),
    Page("/connectors", "connectors.html", "Connectors"),
    Page("/dead-letters", "dead-letters.html", "Dead letters"),
)
"""In this order."""
PAGES = tuple(page for page in NAVIGATION if page.file)


def page_routes() -> list[web.RouteDef]:
    """A route for every page. Raises OSError for a file that is not there, ValueError for one without `<main`."""
    return [web.get(page.path, _answer(whole(page))) for page in PAGES]


def whole(page: Page) -> str:
    """The page in its frame, as it is sent."""
    text = (HTML / page.file).read_text(encoding="utf-8").strip()
    at = text.index("<main")
    frame = (HTML / "frame.html").read_text(encoding="utf-8")
    head, body = text[:at].strip(), text[at:]
    return frame.replace(_HEAD, head).replace(_NAVIGATION, navigation(page)).replace(_BODY, body)


def navigation(page: Page) -> str:
    """The links to all pages, with a mark at the one that is open."""
    return "".join(
        f'<a href="{escape(other.path)}"{_current(page, other)}>{escape(other.label)}</a>'
        for other in NAVIGATION
        if other.label
    )


def _current(page: Page, other: Page) -> str:
    """`page` is the page itself, `true` the one that it belongs to (WAI-ARIA 1.2)."""
    if page.path == other.path:
        return ' aria-current="page"'
    return ' aria-current="true"' if page.under == other.path else ""


def _answer(text: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-cache"})

    return answer
