"""One person's visit to the console: a page of its own that remembers what went wrong on it.

At the end of a visit nothing may stand in the browser's console, no request may have left the origin, and axe-core
(Deque's rules for WCAG) may find nothing serious or critical in what is shown then.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, ConsoleMessage, Locator, Page

PATIENCE_MS = 15_000  # a busy machine's; nothing waits that long when all is well
_ANSWERED = "() => !document.querySelector('main').innerText.includes('Waiting for the first answer')"
_FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
_SERIOUS = {"serious", "critical"}
_COMPLAINTS = {"error", "warning", "assert"}


@dataclass(frozen=True)
class Look:
    """The window: its theme, and its size in CSS pixels."""

    scheme: str = "light"
    width: int = 1280
    height: int = 900

    def __str__(self) -> str:
        return f"{self.scheme}-{self.width}"


LIGHT, DARK, PHONE = Look(), Look("dark"), Look("light", 375, 812)
DARK_PHONE = Look("dark", 375, 812)


class Visit:
    """A page under one origin, and all that it said and asked for."""

    def __init__(self, page: Page, origin: str) -> None:
        self.page = page
        self.origin = origin.rstrip("/")
        self.complaints: list[str] = []
        self.strangers: list[str] = []
        self._expected: set[str] = set()
        self._is_for_axe = True
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(f"{error}"))
        page.on("request", lambda request: self._asked(request.url))
        page.on("websocket", lambda socket: self.strangers.append(socket.url))

    async def open(self, path: str = "/", ready: str = "") -> Visit:
        """Go there; wait until `ready` (a selector) is to be seen and every part has had its first answer."""
        await self.page.goto(self.origin + path)
        if ready:
            await self.page.wait_for_selector(ready)
            await self.page.wait_for_function(_ANSWERED)
        return self

    def find(self, selector: str) -> Locator:
        """What the selector means, now and later."""
        return self.page.locator(selector)

    def expect_refusal(self, status: int) -> None:
        """The console will answer with this status, which the browser writes into its own console as an error."""
        self._expected.add(f"status of {status} ")

    def leave_out_axe(self) -> None:
        """What is shown at the end of this visit is checked by another test."""
        self._is_for_axe = False

    async def become(self, look: Look) -> None:
        """Another window: the page stays as it is."""
        scheme: Any = look.scheme
        await self.page.emulate_media(color_scheme=scheme)
        await self.page.set_viewport_size({"width": look.width, "height": look.height})

    async def first_paint_ms(self) -> float:
        """Milliseconds from the navigation to the first text or picture (W3C Paint Timing)."""
        return float(await self.page.evaluate(_FIRST_PAINT))

    async def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        return int(
            await self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        )

    async def violations(self) -> list[str]:
        """What axe-core holds against the page as it is, a line each."""
        found = (await Axe().run(self.page)).response["violations"]
        return [_sentence(violation) for violation in found if violation["impact"] in _SERIOUS]

    async def check(self) -> None:
        """Raises AssertionError for whatever went wrong."""
        assert not self.complaints, self.complaints
        assert not self.strangers, f"{self.strangers}: not of {self.origin}"
        violations = await self.violations() if self._is_for_axe else []
        assert not violations, "\n".join(violations)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in _COMPLAINTS and not any(part in message.text for part in self._expected):
            self.complaints.append(f"{message.type}: {message.text}")

    def _asked(self, url: str) -> None:
        scheme, host, *_ = urlsplit(url)
        if f"{scheme}://{host}" != self.origin:
            self.strangers.append(url)


@asynccontextmanager
async def visiting(browser: Browser, origin: str, look: Look = LIGHT, **more: Any) -> AsyncIterator[Visit]:
    """A visit by a fresh browser context, checked at its end unless the test has failed before."""
    scheme: Any = look.scheme
    context = await browser.new_context(
        viewport={"width": look.width, "height": look.height}, color_scheme=scheme, reduced_motion="reduce",
        timezone_id="UTC", locale="en-GB", **more,
    )  # fmt: skip
    context.set_default_timeout(PATIENCE_MS)
    try:
        visit = Visit(await context.new_page(), origin)
        yield visit
        await visit.check()
    finally:
        await context.close()


def _sentence(violation: dict[str, Any]) -> str:
    places = "; ".join(" ".join(map(str, node["target"])) for node in violation["nodes"][:5])
    return f"{violation['impact']}: {violation['id']}: {violation['help']}: {places}"
