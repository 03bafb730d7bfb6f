"""`/v1/check`: may these recipients be mailed? Answered from memory, for those who have the tenant's token.

While the list has not been read back the answer is 503: what is not on half a list may well be suppressed. Without
tokens in the configuration only a service that listens on loopback answers. Nothing of a question is logged.
"""

from __future__ import annotations

import hmac
import ipaddress
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from aiohttp import web

from schemas.config import Config
from schemas.errors import FailureCode, Rejected
from schemas.identity import recipient_key
from schemas.suppressions import Suppression
from streams.core.suppression.book import Book
from streams.suppression.lists import moment
from streams.suppression.metrics import SuppressionMetrics

MOST = 1_000  # recipients of one question: some 5 ms of work
_KEY_SIZE = 32


class Question(msgspec.Struct, forbid_unknown_fields=True):
    """What is asked. `stream`: the kind of mail; without it a suppression from any stream counts."""

    tenant: str = "default"
    addresses: list[str] = []
    recipient_keys: list[str] = []
    stream: str = ""


_READ = msgspec.json.Decoder(Question).decode


class Checks:
    """The questions' handlers. `is_current`: the list has been read back; `host`: where the service listens."""

    def __init__(
        self,
        config: Config,
        book: Book,
        *,
        is_current: Callable[[], bool],
        host: str,
        clock_ms: Callable[[], int],
        metrics: SuppressionMetrics,
    ) -> None:
        self._book, self._is_current, self._clock_ms, self._metrics = book, is_current, clock_ms, metrics
        self._is_local = _is_loopback(host)
        self._secrets = {t.name: t.recipient_secret.get_secret_value() for t in config.tenants}
        self._tokens = {t.name: [s.get_secret_value().encode() for s in t.suppression_tokens] for t in config.tenants}

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        """For an aiohttp application."""
        return [web.post("/v1/check", self._post), web.get("/v1/check", self._get)]

    async def _post(self, request: web.Request) -> web.Response:
        body = await request.read()
        return self._answer(request, lambda: _read(body))

    async def _get(self, request: web.Request) -> web.Response:
        query = request.query
        asked = Question(
            query.get("tenant", "default"), query.getall("address", []), query.getall("recipient_key", []),
            query.get("stream", ""),
        )  # fmt: skip
        return self._answer(request, lambda: asked)

    def _answer(self, request: web.Request, question: Callable[[], Question]) -> web.Response:
        began_s = time.perf_counter()
        try:
            asked = question()
            self._admit(asked.tenant, request.headers.get("Authorization", ""))
            results = self._results(asked)
        except Rejected as error:
            headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
            return _json(error.status, {"error": error.code, "message": str(error)}, headers)
        suppressed = sum(1 for result in results if result["suppressed"])
        self._metrics.count_check(suppressed, len(results), time.perf_counter() - began_s)
        return _json(200, {"tenant": asked.tenant, "stream": asked.stream, "results": results}, {})

    def _admit(self, tenant: str, authorization: str) -> None:
        """Raises Rejected(401) unless the token is the tenant's, 503 while the list is not complete."""
        tokens = self._tokens.get(tenant, [])
        if tokens or not self._is_local:
            kind, _, given = authorization.partition(" ")
            if kind.lower() != "bearer" or not _is_one_of(given.strip().encode(), tokens):
                message = "the bearer token is not one of this tenant's `suppression_tokens`"
                raise Rejected(401, FailureCode.BAD_SIGNATURE, message)
        if tenant not in self._secrets:
            raise Rejected(404, FailureCode.WRONG_SHAPE, "no tenant of this name is configured")
        if not self._is_current():
            raise Rejected(503, FailureCode.OVERLOADED, "the list is still being read; ask again in a moment")

    def _results(self, asked: Question) -> list[dict[str, Any]]:
        secret, now_ms = self._secrets[asked.tenant], self._clock_ms()
        keys = [recipient_key(secret, asked.tenant, address) for address in asked.addresses] + asked.recipient_keys
        if not 1 <= len(keys) <= MOST:
            message = f"{len(keys)} recipients asked for; ask for 1 to {MOST} in `addresses` or `recipient_keys`"
            raise Rejected(400, FailureCode.WRONG_SHAPE, message)
        wrong = next((at for at, key in enumerate(keys) if len(key) != _KEY_SIZE), None)
        if wrong is not None:
            raise Rejected(400, FailureCode.WRONG_SHAPE, f"recipient {wrong} is neither an address nor a key")
        return [_result(key, self._book.in_force(asked.tenant, key, asked.stream, now_ms)) for key in keys]


def _read(body: bytes) -> Question:
    try:
        return _READ(body)
    except (msgspec.MsgspecError, ValueError) as error:
        raise Rejected(400, FailureCode.WRONG_SHAPE, f"not a question ({error}); see docs/suppression.md") from None


def _result(key: str, facts: list[Suppression]) -> dict[str, Any]:
    if not facts:
        return {"recipient_key": key, "suppressed": False}
    first = facts[0]
    return {
        "recipient_key": key,
        "suppressed": True,
        "cause": first.cause,
        "scope": first.scope,
        "since": moment(first.since),
        "until": moment(first.until) if first.until else None,
        "causes": [fact.cause for fact in facts],
    }


def _is_one_of(given: bytes, tokens: list[bytes]) -> bool:
    """Compares with each, always, in a time that tells nothing."""
    return sum(hmac.compare_digest(given, token) for token in tokens) > 0


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _json(status: int, content: Any, headers: dict[str, str]) -> web.Response:
    return web.Response(
        status=status, body=msgspec.json.encode(content), content_type="application/json", headers=headers
    )
