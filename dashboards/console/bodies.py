"""What a request brings along: a JSON object of bounded size."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web

from schemas.rulings import RefusedError


async def object_in(request: web.Request, most_bytes: int, example: str) -> dict[str, Any]:
    """The object. Raises RefusedError: 413 for a larger body, 422 for another one, with the `example`."""
    body = await request.content.read(most_bytes + 1)
    while body and len(body) <= most_bytes and (more := await request.content.read(most_bytes)):
        body += more
    if len(body) > most_bytes:
        raise RefusedError(413, f"the body is larger than {most_bytes} bytes")
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise RefusedError(422, f"the body must be a JSON object like {example}")
    return said
