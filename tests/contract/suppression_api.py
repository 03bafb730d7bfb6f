"""A service's suppression list on a real port, made of a fixture in `tests/fixtures/suppressions/`: as documented.

It serves the pages of its lists to who may ask, remembers which addresses were put there, and can be told how to
misbehave at the next requests. Every request is kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from aiohttp import web

from schemas.config import Control
from tests.contract.control_api import lost, response_of

FIXTURES = Path(__file__).parents[1] / "fixtures" / "suppressions"
REFUSED = "refused@example.com"
_ADDRESS = re.compile(r"[\w.]+@example\.com")
_FILTERS = {"start_time", "StartDate", "fromdate", "from", "startDate", "endDate"}


@dataclass
class Trouble:
    """What happens to one request. `answer`: a name in the fixture, "lost", or a body that comes with 200."""

    answer: str
    has_acted: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


class ListApi:
    """The list of one service."""

    def __init__(self, service: str) -> None:
        path = FIXTURES / f"{service}.json"
        assert path.exists(), f"write {path}: what the API answers, from its documentation"
        self.fixture: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        self.requests: list[tuple[str, str]] = []
        self.queries: list[dict[str, str]] = []
        self.bodies: list[dict[str, Any]] = []
        self.listed: set[str] = set()
        self.troubles: list[Trouble] = []
        self.is_down = ""  # the trouble of every request

    def control(self, **changes: Any) -> Control:
        """A control for this API."""
        return Control(**({"base_url": self.fixture["base_url"], "secret": self.fixture["secret"]} | changes))

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One request."""
        self.requests.append((request.method, request.path))
        self.queries.append(dict(request.query))
        if request.host != httpx.URL(self.fixture["base_url"]).host:
            return response_of({"status": 418, "body": "credentials for somebody else"})
        expected = self.fixture["authorized"].items()
        if not all(request.headers.get(name, "").startswith(value) for name, value in expected):
            return response_of(self.fixture["unauthorized"])
        trouble = Trouble(self.is_down) if self.is_down else (self.troubles.pop(0) if self.troubles else None)
        if trouble is not None and not trouble.has_acted:
            return self._trouble(trouble, request)
        response = response_of(self._own(request, await request.text()))
        return response if trouble is None else self._trouble(trouble, request)

    def _own(self, request: web.Request, body: str) -> dict[str, Any]:
        if request.method == "GET":
            asked = {name: value for name, value in request.query.items() if name not in _FILTERS}
            pages = (p for p in self.fixture["pages"] if (p["path"], p["query"]) == (request.path, asked))
            page = next(pages, None)
            nothing = {"status": 418, "body": f"GET {request.path_qs} is nothing that the API documents"}
            return nothing if page is None else {"status": 200, "body": page["body"]}
        put = self.fixture["put"]
        if (request.method, request.path) not in {(item["method"], item["path"]) for item in put["bodies"]}:
            return {"status": 418, "body": f"{request.method} {request.path} is nothing that the API documents"}
        assert request.content_type == "application/json"
        given = set(_ADDRESS.findall(body))
        if put["answer"] == "each":
            self.listed |= given - {REFUSED}
            status = {True: "Failed", False: "Suppressed"}
            each = [{"EmailAddress": name, "Status": status[name == REFUSED]} for name in given]
            self._keep(request, body)
            return {"status": 200, "body": {"Suppressions": each}}
        if REFUSED in given:
            refusal: dict[str, Any] = put["refusal"]
            return refusal
        self.listed |= given
        self._keep(request, body)
        answer: dict[str, Any] = put["answer"]
        return answer

    def _keep(self, request: web.Request, body: str) -> None:
        self.bodies.append({"method": request.method, "path": request.path, "body": json.loads(body)})

    def _trouble(self, trouble: Trouble, request: web.Request) -> web.StreamResponse:
        if trouble.answer == "lost":
            return lost(request)
        if trouble.answer not in self.fixture:
            return web.Response(status=200, text=trouble.answer)
        return response_of(self.fixture[trouble.answer], trouble.headers)
