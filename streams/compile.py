"""`python -m streams.compile`: compile every loop once, so that no service has to when it first starts.

What is compiled is kept beside the core (`streams/core/compiled.py`); what earlier versions left there is removed.
"""

from __future__ import annotations

import importlib
import shutil

from streams.core.compiled import CACHE, CACHES

MODULES = (  # and all that they import
    "streams.core.native",
    "streams.core.partials",
    "streams.core.reputation.watching",
)


def main() -> None:
    """Import what has compiled loops."""
    for name in MODULES:
        importlib.import_module(name)
    for old in CACHES.glob("*"):
        if old != CACHE:
            shutil.rmtree(old, ignore_errors=True)


if __name__ == "__main__":
    main()
