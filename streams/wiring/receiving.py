"""What takes things in and puts them into the log: the gateway, mailboxes, log files, what is asked for."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.registry import connector
from schemas.config import Config, Source
from schemas.errors import Misconfigured
from schemas.settings import Settings
from schemas.topics import WEBHOOKS
from streams import logs
from streams.clock import clock_ms
from streams.environment import codec, config, trusted_certificates

if TYPE_CHECKING:
    import asyncio

    from prometheus_client import CollectorRegistry

    from streams.kafka import LogProducer


def run_gateway(of: Settings) -> int:
    """Webhooks over HTTP into the log, in one process or in several that share the port."""
    from streams.gateway.processes import run_processes, shared_sockets  # noqa: PLC0415

    logs.set_up(of.log_level)
    configured = config(of)
    if of.gateway_processes == 1:
        return _serve_gateway(of, configured, (of.host, of.gateway_port))

    def serve(number: int, given: socket.socket) -> int:
        pages = (of.host, of.metrics_port + number) if of.metrics_port else None
        return _serve_gateway(of, configured, given, pages=pages)

    return run_processes(shared_sockets(of.host, of.gateway_port, of.gateway_processes), serve)


def _serve_gateway(of: Settings, configured: Config, address: Any, *, pages: tuple[str, int] | None = None) -> int:
    """One gateway process. `address`: host and port, or a bound socket that is shared with other processes."""
    import asyncio  # noqa: PLC0415

    import httpx  # noqa: PLC0415

    from streams.gateway.app import build_app  # noqa: PLC0415
    from streams.gateway.certificates import HttpCertificates  # noqa: PLC0415
    from streams.gateway.server import serve  # noqa: PLC0415
    from streams.kafka import LogProducer  # noqa: PLC0415

    trusted = trusted_certificates()

    async def run() -> None:
        log = LogProducer(of.kafka, ack_timeout_s=configured.limits.ack_timeout_s)
        with httpx.Client() as fetcher:
            async with httpx.AsyncClient() as client:
                app = build_app(
                    configured,
                    log,
                    HttpCertificates(fetcher, trusted=trusted),
                    codec(of),
                    clock_ms,
                    connectors=connector,
                    client=client,
                    is_alone=isinstance(address, tuple),
                )
                await serve(app, log, address=address, pages=pages, stop=asyncio.Event())

    asyncio.run(run())
    return 0


def run_follow(of: Settings, name: str, path: Path, *, once: bool, zone: str, moved_to: Path | None) -> int:
    """The lines of a log file into the log, as the source `name`; 1 if `once` was told to stop before the end."""
    import signal  # noqa: PLC0415

    from streams.follow.follower import Follower  # noqa: PLC0415
    from streams.follow.framing import Body, frame_of  # noqa: PLC0415
    from streams.follow.position import PositionFile  # noqa: PLC0415
    from streams.follow.record import raw_record  # noqa: PLC0415
    from streams.kafka import LogProducer, Record  # noqa: PLC0415
    from streams.topics import partitions_of  # noqa: PLC0415

    logs.set_up(of.log_level)
    source = _configured_source(of, name)
    path, codec_ = path.absolute(), codec(of)
    with PositionFile(of.data / "follow", source.name, path) as positions:
        partitions_of(of.kafka, WEBHOOKS)
        log = LogProducer(of.kafka)

        def append(body: Body) -> None:
            value = codec_.encode(raw_record(source, path, body, clock_ms()))
            log.produce_all([Record(WEBHOOKS.name, value)])

        frame = frame_of(source.provider, zone, clock_ms)
        follower = Follower(path, positions, frame, append, clock_ms, moved_to=moved_to)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: follower.stop.set())
        try:
            (follower.read_once if once else follower.follow)()
        finally:
            log.close()
    return 1 if once and follower.stop.is_set() else 0


def _configured_source(of: Settings, name: str) -> Source:
    """The source of that name, whose provider is known. Raises Misconfigured."""
    configured = config(of)
    source = configured.source(name)
    if source is None:
        known = ", ".join(item.name for item in configured.sources) or "none"
        raise Misconfigured(f"{of.config}: no source is called {name[:60]!r}; there is {known}")
    connector(source.provider)
    return source


def run_inbox(of: Settings) -> int:
    """Mails from Maildirs, IMAP folders and LMTP into the log."""
    import asyncio  # noqa: PLC0415

    from prometheus_client import CollectorRegistry  # noqa: PLC0415

    from streams.inbox.keeper import Keeper  # noqa: PLC0415
    from streams.inbox.metrics import InboxMetrics  # noqa: PLC0415
    from streams.inbox.service import keepers_of, serve  # noqa: PLC0415

    logs.set_up(of.log_level)
    configured, registry, encode = config(of), CollectorRegistry(), codec(of).encode
    metrics = InboxMetrics(registry)

    async def run() -> None:
        async with _fetching(of, configured, registry) as (log, stop):
            make = partial(Keeper, log=log, encode=encode, clock_ms=clock_ms, metrics=metrics)
            await serve(keepers_of(configured, make), stop)

    asyncio.run(run())
    return 0


def run_poll(of: Settings) -> int:
    """What mailbox providers say of domains and IPs, asked for once a day, into the log."""
    import asyncio  # noqa: PLC0415

    import httpx  # noqa: PLC0415
    from prometheus_client import CollectorRegistry  # noqa: PLC0415

    from streams.poll.asking import Asker  # noqa: PLC0415
    from streams.poll.metrics import PollMetrics  # noqa: PLC0415
    from streams.poll.position import PositionFile  # noqa: PLC0415
    from streams.poll.service import Poller, serve, sources_of  # noqa: PLC0415

    logs.set_up(of.log_level)
    configured, registry, encode = config(of), CollectorRegistry(), codec(of).encode
    sources, metrics = sources_of(configured), PollMetrics(registry)

    async def run() -> None:
        async with _fetching(of, configured, registry) as (log, stop), httpx.AsyncClient() as client:
            make = partial(Poller, asker=Asker(client), log=log, encode=encode, clock_ms=clock_ms, metrics=metrics)
            await serve([make(source=s, position=PositionFile(of.data / "poll", s.name)) for s in sources], stop)

    asyncio.run(run())
    return 0


@asynccontextmanager
async def _fetching(
    of: Settings, configured: Config, registry: CollectorRegistry
) -> AsyncIterator[tuple[LogProducer, asyncio.Event]]:
    """The log for a service that fetches, and what SIGTERM and SIGINT set; meanwhile the health page is served."""
    import asyncio  # noqa: PLC0415
    import signal  # noqa: PLC0415

    from streams.health import HealthPage  # noqa: PLC0415
    from streams.kafka import LogProducer  # noqa: PLC0415

    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    log = LogProducer(of.kafka, ack_timeout_s=configured.limits.ack_timeout_s)
    page = HealthPage(of.host, of.metrics_port, log.is_available, registry)
    await page.on_start()
    try:
        yield log, stop
    finally:
        await page.on_stop()
        await asyncio.to_thread(log.close)
