# ruff: noqa: INP001 (a script copied into the image, not part of a package)
"""Container health check: exit 0 if the URL given as the only argument answers 2xx within four seconds, else 1.

The slim image has neither curl nor wget, so this uses what every Python has.
"""

from __future__ import annotations

import sys
import urllib.error
import urllib.request


def main(url: str) -> int:
    """The exit code for `url`; a reason goes to stderr, where `docker inspect` shows it."""
    try:
        with urllib.request.urlopen(url, timeout=4):  # noqa: S310 - the URL is written in docker-compose.yml
            return 0
    except (OSError, urllib.error.URLError) as error:
        sys.stderr.write(f"{url}: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
