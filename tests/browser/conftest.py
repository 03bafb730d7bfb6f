"""One browser, one filled store and one console for all tests of a process; a page for each test."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.browser.chromium import MISSING, chromium_path, launched
from tests.browser.served import serving
from tests.browser.visit import LIGHT, PATIENCE_MS, Look, Visit, visiting
from tests.browser.world import World, made_world


def pytest_addoption(parser: pytest.Parser) -> None:
    """Known when this folder is named, as `make browser` does."""
    parser.addoption("--screenshots", metavar="DIR", help="keep what each test saw last as a picture in this folder")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """A browser; skips where there is none, fails where there must be one."""
    path = chromium_path()
    if not path and os.environ.get("CI", "").lower() in {"1", "true", "yes"}:
        pytest.fail(f"CI must run the tests in a browser: {MISSING}")
    if not path:
        pytest.skip(MISSING)
    expect.set_options(timeout=PATIENCE_MS)
    async with launched(path) as browser:
        yield browser


@pytest.fixture(scope="session")
def world(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """What the pages are about; only read it."""
    with made_world(tmp_path_factory.mktemp("world")) as made:
        yield made


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def address(world: World) -> AsyncIterator[str]:
    """A console over the world."""
    async with serving(world.store, config=world.config, rules=world.rules()) as url:
        yield url


@pytest.fixture
def look() -> Look:
    """How the window of `visit` is; a test that wants others parametrises this."""
    return LIGHT


@pytest.fixture
def shots(request: pytest.FixtureRequest) -> Path | None:
    """Where the last sight of this test goes; None: nowhere."""
    folder = request.config.getoption("screenshots", None)
    return Path(folder) / f"{re.sub(r'[^a-z0-9]+', '-', request.node.name.lower()).strip('-')}.png" if folder else None


@pytest_asyncio.fixture(loop_scope="session")
async def visit(chromium: Browser, address: str, look: Look, shots: Path | None) -> AsyncIterator[Visit]:
    """A visit to the console over the world, checked when the test is over."""
    async with visiting(chromium, address, look) as made:
        yield made
        if shots:
            await made.page.screenshot(path=shots, full_page=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How soon a page shows something, for who reads it; a busy machine is slow, so nothing depends on it."""
    reports = [
        report for found in terminalreporter.stats.values() for report in found if hasattr(report, "user_properties")
    ]
    said = {
        name: value for report in reports for name, value in report.user_properties if name.startswith("first paint")
    }
    for name, value in sorted(said.items()):
        terminalreporter.write_line(f"{name}: {value:.0f} ms")
