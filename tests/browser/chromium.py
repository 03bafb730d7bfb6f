"""The browser of the tests: Debian's Chromium, headless, driven by Playwright; where it is, or why there is none."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")
MISSING = "no Chromium here: apt-get install chromium, or name one in MAILWEIR_TEST_CHROMIUM"


def chromium_path() -> str:
    """The browser's file; "" where there is none."""
    named = os.environ.get("MAILWEIR_TEST_CHROMIUM")
    return named or next(filter(None, map(shutil.which, _NAMES)), "")


@asynccontextmanager
async def launched(path: str) -> AsyncIterator[Browser]:
    """A browser without a profile, ended with the context. It asks nobody for anything by itself."""
    async with async_playwright() as playwright:
        # without the sandbox: CI runs as root, where Chromium refuses it, and the pages are ours
        browser = await playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", *_QUIET]
        )
        yield browser
        await browser.close()
