"""How the console answers: JSON that no cache keeps, refusals as one sentence."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from aiohttp import web

from dashboards.queries import BadParameterError
from schemas.errors import Misconfigured, Transient
from schemas.rulings import RefusedError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


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


def answering(handler: Handler) -> Handler:
    """The handler with what it raises as refusals: 400 a bad parameter, 422 what cannot be meant, 503 no store."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except RefusedError as error:
            return refusal(error.status, sentence(error))
        except BadParameterError as error:
            return refusal(400, f"{error}.")
        except Misconfigured as error:
            return refusal(422, sentence(error))
        except Transient as error:
            return refusal(503, sentence(error), error.retry_after_s or 1)

    return handle


def sentence(error: Exception) -> str:
    """An error's text as a sentence of its own."""
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?')) else '.'}"
