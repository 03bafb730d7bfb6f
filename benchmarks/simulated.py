"""Webhook requests as the simulated senders post them: the input of the stages that read webhooks.

Bodies come from `streams.simulator`, which writes what the providers document and shares no code with the
parsers: mixed event types, many recipients, one bad list for more bounces. Where events come in batches a
request holds `EVENTS` of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any

from streams.simulator.kumomta import KumoMta
from streams.simulator.mailgun import Mailgun
from streams.simulator.providers import Provider
from streams.simulator.scenarios import scenario_named
from streams.simulator.sendgrid import SendGrid
from streams.simulator.ses import Ses
from streams.simulator.world import World

EVENTS = 30
START_MS = 1_766_000_000_000
_SPAN_MS = 6 * 3_600_000
_STEP_MS = 60_000
_SHARE = {"sendgrid": 0.4, "kumomta": 0.2, "mailgun": 0.1, "ses": 0.05}  # of the fleet's events, at the least


@dataclass(frozen=True, slots=True)
class Post:
    """One request of a provider with the number of events in it."""

    provider: str
    tenant: str
    headers: Mapping[str, str]
    body: bytes
    events: int
    url: str = ""


def simulated(provider: str, events: int, seed: int) -> list[Post]:
    """Requests of one provider with at least this many events in all. Raises KeyError: it is not simulated."""
    services = _services()
    service = services[provider]
    size = EVENTS if service.batch_limit > 1 else 1
    rng, waiting, posts, total = Random(seed), list[Any](), list[Post](), 0
    for item, tenant, at_ms in _items(provider, services, events, seed):
        waiting.append(item)
        if len(waiting) == size:
            signed = service.sign(waiting, at_ms / 1000, rng)
            posts.append(Post(provider, tenant, signed.headers, signed.body, size))
            waiting, total = [], total + size
            if total >= events:
                return posts
    raise ValueError(f"the simulated senders made only {total} of {events} events for {provider}")


def _services() -> dict[str, Provider]:
    now = datetime.fromtimestamp(START_MS / 1000, UTC)
    return {"sendgrid": SendGrid(), "mailgun": Mailgun(), "kumomta": KumoMta(), "ses": Ses(now)}


def _items(provider: str, services: dict[str, Provider], events: int, seed: int) -> Iterator[tuple[Any, str, int]]:
    """The provider's events in order of time, each with its tenant and the time (ms)."""
    wanted = (events + 500) / _SHARE[provider] * 1.2
    world = World(scenario_named("bad-list"), seed, START_MS, START_MS + _SPAN_MS, wanted, services)
    for at_ms in range(START_MS + _STEP_MS, START_MS + _SPAN_MS + _STEP_MS, _STEP_MS):
        for happening in world.step(at_ms):
            sender = happening.message.sender
            if sender.provider == provider:
                yield services[provider].item(happening), sender.tenant, at_ms
