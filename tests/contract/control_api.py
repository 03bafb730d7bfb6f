"""A sender's API on a real port, made of a fixture in `tests/fixtures/controls/`: its protocol as documented.

It has one end state, which an action's request brings about once; it knows who may ask; and it can be told how to
misbehave at the next requests. Every request is kept.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from aiohttp import web

FIXTURES = Path(__file__).parents[1] / "fixtures" / "controls"
LOOK = "GET"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Trouble:
    """What happens to one request. `answer`: instead of the API's own; `has_acted`: after it was carried out."""

    answer: str = ""  # a name in the fixture, or "lost": the connection breaks, or "silent": it stays open
    has_acted: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


class Api:
    """The API of one driver, for one action."""

    def __init__(self, driver: str, action: str) -> None:
        path = FIXTURES / f"{driver}.json"
        assert path.exists(), f"write {path}: what the API answers, from its documentation"
        self.fixture = json.loads(path.read_text(encoding="utf-8"))
        self.case = self.fixture["actions"][action]
        self.requests: list[tuple[str, str]] = []
        self.acts = 0
        self.repeats = 0
        self.troubles: list[Trouble] = []
        self.is_locked = False  # nobody may ask
        self.is_over = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One request."""
        self.requests.append((request.method, request.path))
        if self.is_locked or not self._may_ask(request):
            return response_of(self.fixture["unauthorized"])
        trouble = self.troubles.pop(0) if self.troubles else Trouble()
        if trouble.answer and not trouble.has_acted:
            return await self._trouble(trouble, request)
        response = response_of(self._own(request, await request.read()))
        return await self._trouble(trouble, request) if trouble.answer else response

    @property
    def will_be_silent(self) -> bool:
        """Will the next request get no answer?"""
        return bool(self.troubles) and self.troubles[0].answer == "silent"

    def _may_ask(self, request: web.Request) -> bool:
        return all(
            request.headers.get(name, "").startswith(value) for name, value in self.fixture["authorized"].items()
        )

    def _own(self, request: web.Request, body: bytes) -> dict[str, Any]:
        look: dict[str, Any] = self.case.get("look", {})
        if request.method == LOOK and request.path == look.get("path"):
            answer: dict[str, Any] = look["after" if self.acts else "before"]
            return answer
        if (request.method, request.path) != (self.case["method"], self.case["path"]):
            return {"status": 418, "body": f"{request.method} {request.path} is nothing that the API documents"}
        if "body" in self.case and json.loads(body) != self.case["body"]:
            return {"status": 418, "body": f"{body!r} is nothing that the API documents"}
        if self.acts:
            self.repeats += 1
            again: dict[str, Any] = self.case["again"]
            return again
        self.acts += 1
        first: dict[str, Any] = self.case["answer"]
        return first

    async def _trouble(self, trouble: Trouble, request: web.Request) -> web.StreamResponse:
        if trouble.answer == "silent":
            await self.is_over.wait()
            return web.Response(status=500)  # to nobody
        if trouble.answer == "lost":
            return lost(request)
        return response_of(self.fixture[trouble.answer], trouble.headers)


class Local(httpx.AsyncHTTPTransport):
    """Takes every request to a port of this machine, whatever host it names."""

    def __init__(self, port: int) -> None:
        super().__init__(verify=False)  # nothing is encrypted here; loading the authorities takes a while
        self._port = port

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See httpx; the Host header stays as it is."""
        request.url = request.url.copy_with(scheme="http", host="127.0.0.1", port=self._port)
        return await super().handle_async_request(request)


def response_of(answer: Mapping[str, Any], more: Mapping[str, str] | None = None) -> web.Response:
    """What a fixture says that an API answers."""
    body = answer.get("body", "")
    text = body if isinstance(body, str) else json.dumps(body)
    return web.Response(status=answer["status"], text=text, headers={**answer.get("headers", {}), **(more or {})})


def lost(request: web.Request) -> web.Response:
    """The connection breaks."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response(status=500)  # which nobody reads


@asynccontextmanager
async def served(handler: Handler, at_the_end: Callable[[], None] = lambda: None) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose requests all go to this handler."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        async with httpx.AsyncClient(transport=Local(runner.addresses[0][1])) as client:
            yield client
    finally:
        at_the_end()
        await runner.cleanup()
