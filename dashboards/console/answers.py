"""How the console answers: JSON that no cache keeps, refusals as one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web


def reply(data: Mapping[str, Any], status: int = 200) -> web.Response:
    """JSON that no cache keeps."""
    body = msgspec.json.encode(data)
    return web.Response(
        body=body, status=status, content_type="application/json", headers={"Cache-Control": "no-store"}
    )


def refusal(status: int, sentence: str, retry_after_s: float | None = None) -> web.Response:
    """`{"error": sentence}`, with Retry-After where waiting helps."""
    response = reply({"error": sentence}, status)
    if retry_after_s is not None:
        response.headers["Retry-After"] = str(max(1, round(retry_after_s)))
    return response
