"""A gateway over loopback for tests: a log in memory, a connector with a plain shared secret."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import httpx

from connectors.base import Certificates, Connector, Context, ParseResult, Request, StatusPolicy, Verdict
from schemas.avro import Codec
from schemas.config import Config, Source
from schemas.envelope import RawWebhook
from schemas.errors import FailureCode, Rejected
from streams.gateway.app import Gateway, build_app
from streams.gateway.certificates import CertificateStore, HttpCertificates
from streams.gateway.listener import Listener
from streams.gateway.post import Log
from streams.gateway.server import listener

NOW_MS = 1_795_000_000_000
SECRET = "a-secret-of-good-length"
CERTIFICATE_URL = "https://sns.example/certificate.pem"
CERTIFICATE = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def sign(body: bytes, secret: str = SECRET) -> dict[str, str]:
    return {"X-Signature": hmac.new(secret.encode(), body, sha256).hexdigest()}


class HmacConnector:
    """Signed by `X-Signature`; subclasses add what a test needs."""

    name = "hmac"
    statuses = StatusPolicy(source="made for tests")

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        for index, secret in enumerate(source.secrets):
            expected = sign(request.body, secret.get_secret_value())["X-Signature"]
            if hmac.compare_digest(expected, request.headers.get("x-signature", "")):
                return Verdict(secret_index=index)
        raise Rejected(self.statuses.refused, FailureCode.BAD_SIGNATURE, "no active secret verifies the signature")

    def parse(self, request: Request, context: Context) -> ParseResult:
        raise AssertionError("the gateway stores what it is sent and parses nothing")


class PickyConnector(HmacConnector):
    """A provider that sends again after 429 only."""

    statuses = StatusPolicy(unavailable=429, source="made for tests")


class CertifiedConnector(HmacConnector):
    """Needs a certificate for every request."""

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        assert certificates.get(CERTIFICATE_URL) == CERTIFICATE
        return Verdict(secret_index=0)


class HandshakeConnector(HmacConnector):
    """Asks for a GET and gives a reply."""

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        return Verdict(fetch_url="https://sns.example/confirm?token=abc", reply=b'{"validationResponse":"x"}')


class ImpatientConnector(HmacConnector):
    """A provider for which every 4xx but 429 is final."""

    statuses = StatusPolicy(slow_body=503, source="made for tests")


class AskingConnector(HmacConnector):
    """A provider that asks by OPTIONS before it posts."""

    statuses = StatusPolicy(is_preflighted=True, source="made for tests")


class BrokenConnector(HmacConnector):
    """A defect of ours."""

    def verify(self, request: Request, source: Source, certificates: Certificates) -> Verdict:
        raise ValueError(f"cannot read {request.body!r}")


CONNECTORS: dict[str, type[HmacConnector]] = {
    "hmac": HmacConnector,
    "picky": PickyConnector,
    "impatient": ImpatientConnector,
    "certified": CertifiedConnector,
    "handshake": HandshakeConnector,
    "asking": AskingConnector,
    "broken": BrokenConnector,
}


@dataclass
class MemoryLog:
    """Keeps records. `error` is raised instead; `hold` makes sends wait."""

    records: list[tuple[str, bytes]] = field(default_factory=list)
    error: Exception | None = None
    hold: asyncio.Event | None = None
    available: bool = True
    last_error: str = ""
    waiting: int = 0

    async def send(self, topic: str, value: bytes) -> tuple[int, int]:
        if self.hold is not None:
            self.waiting += 1
            await self.hold.wait()
        if self.error is not None:
            raise self.error
        self.records.append((topic, value))
        return 0, len(self.records) - 1

    def is_available(self) -> bool:
        return self.available

    def stored(self) -> list[RawWebhook]:
        return [Codec().decode(value, RawWebhook) for _, value in self.records]


def config_of(limits: dict[str, Any] | None = None, **changes: Any) -> Config:
    """One source per connector, named like it, and `open` that is unsigned."""
    sources = [{"name": name, "provider": name, "secrets": [SECRET, "an-older-secret"]} for name in CONNECTORS]
    return Config.model_validate({"sources": sources, "limits": limits or {}} | changes)


def connector(name: str) -> Connector:
    return CONNECTORS[name]()


@dataclass
class Gate:
    """A running gateway."""

    app: Gateway
    client: httpx.AsyncClient
    port: int
    log: MemoryLog
    listener: Listener

    async def post(self, source: str, body: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
        return await self.client.post(f"/webhooks/{source}", content=body, headers=headers or sign(body))

    async def metric(self, line: str) -> float:
        """The value of one series, 0 if it is not there."""
        text = (await self.client.get("/metrics")).text
        found = [x.rpartition(" ")[2] for x in text.splitlines() if x.startswith(f"mailweir_gateway_{line} ")]
        return float(found[0]) if found else 0.0

    async def raw(self, head: bytes, chunks: AsyncIterator[bytes] | None = None) -> bytes:
        """Everything the server answers to a request written by hand, until it closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(head.replace(b"\n", b"\r\n"))
        answer = asyncio.create_task(reader.read())
        try:
            async for chunk in chunks or no_chunks():
                writer.write(chunk)
                await writer.drain()
                if answer.done():
                    break
        except ConnectionError:
            pass  # the server has hung up, which is what some tests want
        try:
            return await answer
        finally:
            writer.close()


async def no_chunks() -> AsyncIterator[bytes]:
    """A body that is in the head already, or empty."""
    return
    yield b""


@asynccontextmanager
async def serving(
    config: Config | None = None,
    *,
    log: Log | None = None,
    transport: Callable[[httpx.Request], httpx.Response] | None = None,
    certificates: CertificateStore | None = None,
    connectors: Callable[[str], Connector] | None = None,
) -> AsyncIterator[Gate]:
    """A gateway on a free port. `transport` answers its outgoing requests."""
    answer = httpx.MockTransport(transport or (lambda _: httpx.Response(200, content=CERTIFICATE)))
    used = log or MemoryLog()
    with httpx.Client(transport=answer) as fetching:
        async with httpx.AsyncClient(transport=answer) as confirming:
            app = build_app(
                config or config_of(),
                used,
                certificates or HttpCertificates(fetching),
                Codec(),
                lambda: NOW_MS,
                connectors=connectors or connector,
                client=confirming,
            )
            served = listener(app)
            try:
                port = await served.open(("127.0.0.1", 0))
                async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
                    yield Gate(app, client, port, used if isinstance(used, MemoryLog) else MemoryLog(), served)
            finally:
                await served.close(1.0)


async def until(condition: Callable[[], bool], timeout_s: float = 5.0) -> None:
    """Wait for a condition. Raises TimeoutError after `timeout_s`."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110  # conditions of other objects have no event
            await asyncio.sleep(0.005)


def error_of(response: httpx.Response) -> str:
    """The code of a refusal, which has code and sentence and nothing else."""
    said = json.loads(response.text)
    assert set(said) == {"error", "message"}
    assert said["message"]
    return str(said["error"])
