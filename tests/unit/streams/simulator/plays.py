"""Small worlds and a gateway to post to, for the tests beside this file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from aiohttp import web

from streams.simulator.behaviour import Happening
from streams.simulator.kumomta import KumoMta
from streams.simulator.mailgun import Mailgun
from streams.simulator.providers import Provider
from streams.simulator.scenarios import scenario_named
from streams.simulator.sendgrid import SendGrid
from streams.simulator.ses import Ses
from streams.simulator.world import World

START_MS = 1_763_000_000_000
HOUR_MS = 3_600_000
NOW = datetime(2026, 11, 22, tzinfo=UTC)
PROVIDERS: dict[str, Provider] = {
    "sendgrid": SendGrid(), "kumomta": KumoMta(), "mailgun": Mailgun(), "ses": Ses(NOW),
}  # fmt: skip


def world_of(scenario: str, *, seed: int = 7, events: float = 4_000) -> World:
    """A world of ten simulated hours."""
    return World(scenario_named(scenario), seed, START_MS, START_MS + 10 * HOUR_MS, events, PROVIDERS)


def play(world: World, *, steps: int = 200) -> list[Happening]:
    """Everything that happens from beginning to end."""
    span = world.end_ms - world.start_ms
    return [h for step in range(1, steps + 1) for h in world.step(world.start_ms + span * step // steps)]


@dataclass(slots=True)
class Received:
    """One request as it came."""

    source: str
    headers: Mapping[str, str]
    body: bytes
    status: int


Answer = Callable[[str, Mapping[str, str], bytes, int], int]


@dataclass(slots=True)
class StubGateway:
    """Keeps every request and answers what `answer(source, headers, body, number)` says."""

    answer: Answer = lambda source, headers, body, number: 200
    received: list[Received] = field(default_factory=list)
    url: str = ""
    port: int = 0
    _runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.add_routes([web.post("/webhooks/{source}", self._take)])
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        host, port = self._runner.addresses[0]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        source, body = request.match_info["source"], await request.read()
        status = self.answer(source, request.headers, body, len(self.received))
        self.received.append(Received(source, dict(request.headers), body, status))
        return web.Response(status=status)


def event_data(received: Received) -> list[dict[str, object]]:
    """The events in a request's body, as the service wrote them."""
    body = json.loads(received.body)
    if received.source == "mailgun":
        return [body["event-data"]]
    return [json.loads(body["Message"])] if received.source == "ses" else body
