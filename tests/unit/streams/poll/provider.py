"""A provider's interfaces in memory, and a poller that asks them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
from prometheus_client import CollectorRegistry

from schemas.avro import Codec
from schemas.config import Source
from streams.poll.asking import Asker
from streams.poll.metrics import PollMetrics
from streams.poll.position import PositionFile
from streams.poll.service import Poller
from tests.unit.streams.inbox.keeping import MemoryLog

NOW_MS = 1_767_225_600_000  # 2026-01-01
SECRETS = ("refresh-one", "refresh-two", "client-secret", "access-token", "access-key")


Route = httpx.Response | Exception


class Provider:
    """Answers from `routes` (first match of a part of the URL); a list is given out one by one, its last for ever."""

    def __init__(self) -> None:
        self.routes: dict[str, list[Route]] = {}
        self.asked: list[httpx.Request] = []
        self.waited: list[float] = []

    def route(self, part: str, *answers: Route) -> None:
        self.routes[part] = list(answers)

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        for part, answers in self.routes.items():
            if part in str(request.url):
                answer = answers.pop(0) if len(answers) > 1 else answers[0]
                if isinstance(answer, Exception):
                    raise answer
                return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
        return httpx.Response(404)

    def asker(self) -> Asker:
        async def wait(seconds: float) -> None:
            self.waited.append(seconds)

        return Asker(httpx.AsyncClient(transport=httpx.MockTransport(self.handle)), wait)

    def asked_for(self, part: str) -> list[httpx.Request]:
        return [request for request in self.asked if part in str(request.url)]


def poller(at: Provider, log: MemoryLog, folder: Path, now_ms: int = NOW_MS, **source: Any) -> Poller:
    return Poller(
        source=Source.model_validate({"name": "standing", **source}),
        asker=at.asker(),
        log=log,
        encode=Codec().encode,
        clock_ms=lambda: now_ms,
        metrics=PollMetrics(CollectorRegistry()),
        position=PositionFile(folder, "standing"),
    )
