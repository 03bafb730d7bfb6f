"""The gateway's HTTP application: `POST /webhooks/{source}`, `/healthz`, `/readyz`, `/metrics`.

`build_app` takes everything it uses as arguments. One request's way is `Gateway.webhook`; every way out of
it is an answer that this provider understands, and `except Exception` there is the one guard: a defect of
ours makes the provider send again, it never loses the post and shows nobody a traceback.
"""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import httpx
from aiohttp import web
from aiohttp.typedefs import Handler

from connectors.base import Connector, Request, Verdict
from schemas.avro import Codec
from schemas.config import Config, Source
from schemas.envelope import RawWebhook
from schemas.errors import FailureCode, MailweirError, Misconfigured, Permanent, Rejected, Transient
from schemas.topics import WEBHOOKS
from streams.gateway import answers, envelope, subscriptions
from streams.gateway.admission import Admission, Held
from streams.gateway.body import BodyReader
from streams.gateway.certificates import CertificateStore
from streams.gateway.metrics import Metrics

LOG = logging.getLogger(__name__)
_UNKNOWN = "unknown"


class Log(Protocol):
    """Where records become safe; `streams.kafka.LogProducer` is the real one."""

    async def send(self, topic: str, value: bytes) -> tuple[int, int]:
        """(partition, offset) once acknowledged. Raises Transient, or Permanent if it is too large."""

    def is_available(self) -> bool:
        """False when a send would wait for its timeout in vain."""

    @property
    def last_error(self) -> str:
        """What is wrong with the log, for `/readyz`."""


@dataclass(slots=True)
class Readiness:
    """Why the gateway should get no traffic now; "" when it may. The server sets it."""

    reason: str = ""


READINESS = web.AppKey("readiness", Readiness)


class _FetchFirstError(Transient):
    """A connector needs a certificate, so its verification may block."""


@dataclass(frozen=True, slots=True)
class _KnownOnly:
    """Certificates for the event loop: one that must be fetched moves the verification to a thread."""

    store: CertificateStore

    def get(self, url: str) -> bytes:
        pem = self.store.known(url)
        if pem is None:
            raise _FetchFirstError("a certificate must be fetched")
        return pem


@dataclass(slots=True, kw_only=True)
class Gateway:
    """The handlers and what they share. `sources`: by name, each with its connector."""

    sources: dict[str, tuple[Source, Connector]]
    public_url: str
    log: Log
    certificates: CertificateStore
    codec: Codec
    clock_ms: Callable[[], int]
    client: httpx.AsyncClient
    admission: Admission
    bodies: BodyReader
    metrics: Metrics
    readiness: Readiness = field(default_factory=Readiness)

    async def webhook(self, request: web.Request) -> web.Response:
        """Take one POST: 2xx only when its record is acknowledged."""
        try:
            source, connector = self._find(request)
        except Rejected as error:
            return self._refuse(_UNKNOWN, error)
        statuses = connector.statuses
        try:
            with self.admission.enter(statuses.overloaded) as held:
                response = await self._take(request, source, connector, held)
        except Rejected as error:
            return self._refuse(source.name, error)
        except Transient as error:
            return self._refuse(
                source.name, Rejected(statuses.unavailable, FailureCode.LOG_UNAVAILABLE, f"{error}; send again later")
            )
        except Exception as error:  # noqa: BLE001  # the guard: whatever it was, the provider shall send again
            _log_defect(source.name, error)
            message = "the gateway failed to process this request; send again later"
            return self._refuse(source.name, Rejected(statuses.unavailable, FailureCode.UNEXPECTED, message))
        self.metrics.requests.labels(source.name, response.status).inc()
        return response

    async def probe(self, request: web.Request) -> web.Response:
        """Answer GET and HEAD, with which providers check the address. Acknowledges nothing."""
        try:
            source, _ = self._find(request)
        except Rejected as error:
            return self._refuse(_UNKNOWN, error)
        return answers.fine(source=source.name, message="webhooks are taken here by POST")

    async def healthz(self, _: web.Request) -> web.Response:
        """The process is alive."""
        return answers.fine(status="alive")

    async def readyz(self, _: web.Request) -> web.Response:
        """Whether a POST would be taken now, else 503 with the reason."""
        if self.readiness.reason:
            return answers.problem(503, "not_ready", self.readiness.reason)
        if not self.log.is_available():
            return answers.problem(503, "not_ready", f"the log is unavailable: {self.log.last_error}")
        return answers.fine(status="ready")

    async def show_metrics(self, _: web.Request) -> web.Response:
        """The metrics in Prometheus' text format."""
        self.metrics.in_flight.set(self.admission.requests)
        self.metrics.held_bytes.set(self.admission.held_bytes)
        return web.Response(body=self.metrics.render(), headers={"Content-Type": "text/plain; version=0.0.4"})

    def _find(self, request: web.Request) -> tuple[Source, Connector]:
        found = self.sources.get(request.match_info["source"])
        if found is None:
            raise Rejected(
                404,
                FailureCode.UNKNOWN_SOURCE,
                "no source of this name is configured; compare the URL with `sources` in mailweir.yaml",
            )
        return found

    async def _take(self, request: web.Request, source: Source, connector: Connector, held: Held) -> web.Response:
        if not self.log.is_available():
            self.metrics.log_failures.labels(source.name).inc()
            raise Transient("the log is unavailable")
        slow_status = answers.slow_status(source.provider, connector.statuses.unavailable)
        body = await self.bodies.read(request, held, slow_status)
        heard = envelope.request_of(request, body, self.public_url, self.clock_ms())
        verdict = await self._verify(connector, heard, source)
        record = envelope.record_of(heard, source, verdict, request.remote or "")
        await self._append(record)
        if verdict.fetch_url:
            await self._confirm(source, verdict.fetch_url)
        return answers.accepted(connector.statuses.accepted, record.request_id, verdict.reply)

    async def _verify(self, connector: Connector, heard: Request, source: Source) -> Verdict:
        """Signatures cost 0.1 ms at most and are checked here; only a certificate's fetch takes a thread."""
        try:
            verdict = connector.verify(heard, source, _KnownOnly(self.certificates))
        except _FetchFirstError:
            verdict = await asyncio.to_thread(connector.verify, heard, source, self.certificates)
        self.metrics.verified.labels(source.name, verdict.secret_index).inc()
        return verdict

    async def _append(self, record: RawWebhook) -> None:
        started = time.perf_counter()
        try:
            await self.log.send(WEBHOOKS.name, self.codec.encode(record))
        except Transient:
            self.metrics.log_failures.labels(record.source).inc()
            raise
        except Permanent as error:
            raise Rejected(413, error.code, "the request is larger than the log takes; send smaller batches") from error
        self.metrics.ack_seconds.observe(time.perf_counter() - started)
        self.metrics.body_bytes.labels(record.source).inc(len(record.body))

    async def _confirm(self, source: Source, url: str) -> None:
        """A failed confirmation is answered like a failed append: the provider sends it again."""
        try:
            await subscriptions.confirm(self.client, url)
        except Transient as error:
            self.metrics.confirmations.labels(source.name, "failed").inc()
            LOG.warning("source %s: %s", source.name, error)
            raise
        self.metrics.confirmations.labels(source.name, "confirmed").inc()
        LOG.info("source %s: subscription confirmed", source.name)

    def _refuse(self, source: str, error: Rejected) -> web.Response:
        self.metrics.rejected.labels(source, error.code.value).inc()
        self.metrics.requests.labels(source, error.status).inc()
        return answers.refused(error)


def build_app(
    config: Config,
    log: Log,
    certificates: CertificateStore,
    codec: Codec,
    clock_ms: Callable[[], int],
    *,
    connectors: Callable[[str], Connector],
    client: httpx.AsyncClient,
) -> web.Application:
    """The application. `connectors` finds one by provider name; `client` confirms subscriptions.

    Serve it with `server.runner`, which leaves compressed bodies to us. Raises Misconfigured for a source
    that nothing protects: neither secrets nor topics, and not said to be unsigned.
    """
    gateway = Gateway(
        sources={source.name: (_checked(source), connectors(source.provider)) for source in config.sources},
        public_url=config.public_url,
        log=log,
        certificates=certificates,
        codec=codec,
        clock_ms=clock_ms,
        client=client,
        admission=Admission(config.limits),
        bodies=BodyReader(config.limits),
        metrics=Metrics(),
    )
    app = web.Application(middlewares=[_plain_errors])
    app[READINESS] = gateway.readiness
    app.on_response_prepare.append(_hide_server)
    app.router.add_post("/webhooks/{source}", gateway.webhook)
    app.router.add_get("/webhooks/{source}", gateway.probe)
    app.router.add_get("/healthz", gateway.healthz)
    app.router.add_get("/readyz", gateway.readyz)
    app.router.add_get("/metrics", gateway.show_metrics)
    return app


def _checked(source: Source) -> Source:
    if not (source.secrets or source.topic_arns or source.is_unsigned):
        raise Misconfigured(
            f"source {source.name!r} has no secrets, so anybody could post to it: add `secrets`,"
            " or `is_unsigned: true` if something in front of the gateway protects it"
        )
    return source


@web.middleware
async def _plain_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What the router refuses, in the same JSON as everything else."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        message = "there is nothing here; webhooks go to POST /webhooks/{source}"
        response = answers.problem(error.status, (error.reason or "error").lower().replace(" ", "_"), message)
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response


async def _hide_server(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = "mailweir"  # versions are nobody's business


def _log_defect(source: str, error: Exception) -> None:
    """Where it happened and what kind, without its text: that may quote the body."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    text = str(error) if isinstance(error, MailweirError) else type(error).__name__
    LOG.error("source %s: a request failed at %s:%s: %s", source, place.filename, place.lineno, text)
