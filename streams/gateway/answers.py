"""What senders are told: small JSON, `{"error": code, "message": sentence}` for everything refused.

No answer holds a secret, a part of the body or a traceback. Answers that ask for another try say when.
"""

from __future__ import annotations

import msgspec
from aiohttp import web

from schemas.errors import FailureCode, Rejected

RETRY_AFTER_S = 5
_RETRIED = frozenset(
    {FailureCode.OVERLOADED, FailureCode.LOG_UNAVAILABLE, FailureCode.UNEXPECTED, FailureCode.SLOW_BODY}
)
# Providers that take every 4xx but 429 as final, so 408 would lose the post: Amazon SNS ("client-side
# errors"), Scaleway (SNS-compatible), Brevo ("Webhook retries").
_FINAL_4XX = frozenset({"ses", "scaleway", "brevo"})


def accepted(status: int, request_id: str, reply: bytes) -> web.Response:
    """The request is safe in the log. `reply` is the body a handshake asks for, "" for ours."""
    return _json(status, reply or msgspec.json.encode({"status": "accepted", "request_id": request_id}))


def refused(error: Rejected) -> web.Response:
    """Not taken. The connection is closed when the body may not have been read."""
    response = problem(error.status, error.code.value, str(error))
    if error.code in _RETRIED:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    if error.code in (FailureCode.BODY_TOO_LARGE, FailureCode.SLOW_BODY):
        response.force_close()
    return response


def problem(status: int, code: str, message: str) -> web.Response:
    """An error by code and sentence."""
    return _json(status, msgspec.json.encode({"error": code, "message": message}))


def fine(**fields: str) -> web.Response:
    """200 with these fields."""
    return _json(200, msgspec.json.encode(fields))


def slow_status(provider: str, unavailable: int) -> int:
    """408 for a body that came too slowly, or what this provider needs to try again."""
    return unavailable if provider in _FINAL_4XX else 408


def _json(status: int, body: bytes) -> web.Response:
    return web.Response(status=status, body=body, content_type="application/json")
