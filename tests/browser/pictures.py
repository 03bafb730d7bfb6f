"""`make pictures`: the console as README and docs show it, drawn anew from the world of the browser tests.

The figures are made and the hour is fixed, so a picture changes only when the console does.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.browser.chromium import MISSING, chromium_path, launched
from tests.browser.served import serving
from tests.browser.visit import Look, visiting
from tests.browser.world import made_world

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
OVERVIEW = ("/", '#hero[data-tone="paused"] ~ #decisions:has(.event) ~ #reputation table')
KEY = ("/keys?tenant=acme&kind=campaign&key=winter-clearance&span=1h", "#events-body table")
PICTURES = {
    "console-light.png": (Look("light", 1200, 1130), *OVERVIEW),
    "console-dark.png": (Look("dark", 1200, 1130), *OVERVIEW),
    "key-dark.png": (Look("dark", 1200, 1130), *KEY),
}
"""By name: how it is looked at, what is opened, and what is there once it is drawn."""
PER_S = 45  # messages: lines as smooth as those of a sender of some size


async def draw(path: str) -> None:
    """Write every picture. Raises AssertionError where a page has something to complain about."""
    with tempfile.TemporaryDirectory() as folder, made_world(Path(folder), PER_S) as world:
        async with launched(path) as browser, serving(world.store, config=world.config, rules=world.rules()) as url:
            for name, (look, where, drawn) in PICTURES.items():
                async with visiting(browser, url, look) as visit:
                    await visit.open(where, drawn)
                    await visit.page.screenshot(path=IMAGES / name)
                sys.stdout.write(f"docs/images/{name}: {(IMAGES / name).stat().st_size // 1024} kB\n")


if __name__ == "__main__":
    if not chromium_path():
        sys.exit(MISSING)
    asyncio.run(draw(chromium_path()))
