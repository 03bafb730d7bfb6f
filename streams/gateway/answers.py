"""What senders are told: small JSON, `{"error": code, "message": sentence}` for everything refused.

No answer holds a secret, a part of the body or a traceback. Answers that ask for another try say when.
"""

from __future__ import annotations

import re

import msgspec

from schemas.errors import FailureCode, Rejected
from streams.gateway.http import Answer, problem

RETRY_AFTER_S = 5
_ORIGIN = re.compile(r"[A-Za-z0-9*](?:[A-Za-z0-9._*:-]{0,253})")  # a DNS name, or a pattern of one
_RETRIED = frozenset(
    {FailureCode.OVERLOADED, FailureCode.LOG_UNAVAILABLE, FailureCode.UNEXPECTED, FailureCode.SLOW_BODY}
)
_CLOSING = frozenset({FailureCode.BODY_TOO_LARGE, FailureCode.SLOW_BODY})  # the rest of the body is not wanted


def accepted(status: int, request_id: str, reply: bytes) -> Answer:
    """The request is safe in the log. `reply` is the body a handshake asks for, b"" for ours."""
    return Answer(status, reply or msgspec.json.encode({"status": "accepted", "request_id": request_id}))


def refused(error: Rejected) -> Answer:
    """Not taken."""
    answer = problem(error.status, error.code.value, str(error), should_close=error.code in _CLOSING)
    return answer._replace(retry_after_s=RETRY_AFTER_S) if error.code in _RETRIED else answer


def fine(**fields: str) -> Answer:
    """200 with these fields."""
    return Answer(200, msgspec.json.encode(fields))


def permitted(origin: str) -> Answer:
    """Leave to post, for a sender that asks first: its name comes back, and no limit to its rate.

    CloudEvents web hooks 1.0, section 4. It is no proof of who asks, so every post is verified all the same; a
    request without a name of the usual form gets no leave.
    """
    answer = Answer(200, b"", allow="GET,HEAD,OPTIONS,POST")
    if not _ORIGIN.fullmatch(origin):
        return answer
    return answer._replace(headers=(("WebHook-Allowed-Origin", origin), ("WebHook-Allowed-Rate", "*")))


def nothing_here() -> Answer:
    """404 for a path that is not ours."""
    return problem(404, "not_found", "there is nothing here; webhooks go to POST /webhooks/{source}")


def wrong_method(allow: str) -> Answer:
    """405 with the methods that are allowed, comma-separated."""
    return problem(405, "method_not_allowed", f"this address takes {allow} only", allow=allow)
