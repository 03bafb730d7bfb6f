"""Log lines: one structured line per batch or event of a service's life, on stderr.

Level by consequence: INFO lifecycle, WARNING odd but safe, ERROR lost or needs a person. Never an
address, a body or a secret.
"""

from __future__ import annotations

import logging
import sys


def set_up(level: str) -> None:
    """Send everything to stderr, quiet libraries that speak of their own affairs."""
    logging.basicConfig(
        level=level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )
    for name in ("aiokafka", "faust", "mode", "aiohttp.access", "httpx", "httpcore", "clickhouse_connect"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))
