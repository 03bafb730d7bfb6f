"""A simulated run in a store, without a broker: the senders' posts are parsed and inserted, the truth is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from clickhouse_connect.driver.client import Client

from connectors.registry import connector
from schemas.config_file import parse_config
from schemas.envelope import Header, RawWebhook
from schemas.events import EmailEvent
from streams.core.normalise import Origin, explode
from streams.simulator.packer import Packer
from streams.simulator.simulator import STEP_S, Simulator
from streams.simulator.truth import Post, PostKind, Truth

_RATE, _SPEED_STEPS = 100.0, 10
_TIMES = ("occurred_at", "received_at", "sent_at")
_COLUMNS = [field.name for field in fields(EmailEvent)]


def simulate(client: Client, scenario: str, end_ms: int, duration_s: float = 60.0, seed: int = 7) -> Truth:
    """Store what the scenario's senders post in a run that ends at `end_ms`; a third of it twice."""
    simulator = Simulator(scenario, seed, _RATE, duration_s, wall=lambda: end_ms / 1000 - duration_s)
    config = parse_config(simulator.config("http://127.0.0.1:1"), {}, "simulated")
    truth, rows = simulator.truth, list[list[Any]]()
    for number, post in enumerate(_posts(simulator, end_ms)):
        if post.kind is not PostKind.GENUINE:
            continue
        truth.answered(post, 202, end_ms / 1000, 1.0)
        source = next(source for source in config.sources if source.name == post.source)
        raw = RawWebhook(
            request_id=f"{number}", url="", source=post.source, provider=source.provider, tenant=source.tenant,
            received_at=end_ms, headers=[Header(name=name.lower(), value=text) for name, text in post.headers.items()],
            body=post.body,
        )  # fmt: skip
        events = explode(raw, Origin("webhooks", 0, number), config, connector).events
        rows += [_row(event) for event in events if isinstance(event, EmailEvent)]
    for part in (rows, rows[::3]):  # in one insert the store itself would drop the second copies
        client.insert("email_events", part, column_names=_COLUMNS, database="mailweir")
    return truth


def _posts(simulator: Simulator, end_ms: int) -> Iterator[Post]:
    simulator._begin()
    packer = Packer(simulator.world, simulator._providers, simulator.scenario.disturbance, simulator.truth.seed)
    step_ms = STEP_S * simulator.speed * 1000 * _SPEED_STEPS
    wall_s = end_ms / 1000
    for index in range(1, round(simulator.duration_s / STEP_S / _SPEED_STEPS) + 1):
        happened = simulator.world.step(simulator.world.start_ms + int(index * step_ms))
        yield from (parcel.post for parcel in packer.pack(happened, index * _SPEED_STEPS, wall_s))
    yield from (parcel.post for parcel in packer.finish(wall_s))


def _row(event: EmailEvent) -> list[Any]:
    cells = [getattr(event, name) for name in _COLUMNS]
    return [
        datetime.fromtimestamp(cell / 1000, UTC) if name in _TIMES else str(cell) if isinstance(cell, str) else cell
        for name, cell in zip(_COLUMNS, cells, strict=True)
    ]
