"""The gateway's application: `POST /webhooks/{source}`, Segment's `POST /v1/{call}`, `/u/{token}`, and its own pages.

`build_app` takes everything it uses as arguments. `begin` looks at a request's head and answers, or hands out a
`Post` that takes the body; one request's way is `Post.answer`. Every way out of it is an answer that this provider
understands, and `except Exception` there is the one guard: a defect of ours makes the provider send again, it never
loses the post and shows nobody a traceback.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol
from urllib.parse import unquote

import httpx

from connectors.base import Connector
from connectors.oneclick import PATH
from schemas.avro import Codec
from schemas.config import Config, Source
from schemas.errors import FailureCode, MailweirError, Misconfigured, Permanent, Rejected, Transient
from schemas.topics import WEBHOOKS
from streams.gateway import answers, subscriptions, unsubscribe
from streams.gateway.admission import Admission, Held
from streams.gateway.body import Body, Unpacker
from streams.gateway.calls import PATHS, Callers
from streams.gateway.certificates import CertificateStore
from streams.gateway.envelope import Checked, Endpoint
from streams.gateway.http import Answer, Head
from streams.gateway.metrics import Metrics, SourceCounts
from streams.gateway.pages import Health, Pages

LOG = logging.getLogger(__name__)
_UNKNOWN = "unknown"
_LARGE = 256 * 1024  # bytes: a body whose check would hold the loop for a millisecond and more
_WEBHOOKS = "/webhooks/"


class Log(Health, Protocol):
    """Where records become safe; `streams.kafka.LogProducer` is the real one."""

    async def send(self, topic: str, value: bytes) -> tuple[int, int]:
        """(partition, offset) once acknowledged. Raises Transient, or Permanent if it is too large."""


class _FetchFirstError(Transient):
    """A connector needs a certificate, so its verification may block."""


@dataclass(frozen=True, slots=True)
class _KnownOnly:
    """Certificates for a check in the loop: one that must be fetched moves the check to a thread."""

    store: CertificateStore

    def get(self, url: str) -> bytes:
        pem = self.store.known(url)
        if pem is None:
            raise _FetchFirstError("a certificate must be fetched")
        return pem


@dataclass(slots=True, kw_only=True)
class Gateway:
    """The paths and what they share. `endpoints`: by source name, each with its counts."""

    endpoints: dict[str, tuple[Endpoint, SourceCounts]]
    callers: Callers
    links: unsubscribe.Links
    log: Log
    certificates: CertificateStore
    clock_ms: Callable[[], int]
    client: httpx.AsyncClient
    admission: Admission
    unpacker: Unpacker
    metrics: Metrics
    pages: Pages
    max_body_bytes: int
    receive_s: float
    _nobody: SourceCounts = field(init=False)

    def __post_init__(self) -> None:
        self._nobody = SourceCounts(self.metrics, _UNKNOWN)

    def begin(self, head: Head) -> Answer | Post:
        """What becomes of a request: an answer at once, or a `Post` that takes the body."""
        path = head.path
        name = path[len(_WEBHOOKS) :]
        if name and "/" not in name and path.startswith(_WEBHOOKS):
            return self._webhook(head, unquote(name) if "%" in name else name)
        if path in PATHS:
            return self._call(head)
        if path.startswith(PATH):
            return self._one_click(head)
        return self.pages.on_gateway_port(head)

    def refuse(self, counts: SourceCounts, error: Rejected) -> Answer:
        """Count a refusal; its answer."""
        counts.rejected[error.code.value].inc()
        counts.requests[error.status].inc()
        return answers.refused(error)

    def _webhook(self, head: Head, name: str) -> Answer | Post:
        found = self.endpoints.get(name)
        if found is None:
            message = "no source of this name is configured; compare the URL with `sources` in mailweir.yaml"
            return self.refuse(self._nobody, Rejected(404, FailureCode.UNKNOWN_SOURCE, message))
        if head.method == "POST":
            return self._post(head, *found)
        if head.method in ("GET", "HEAD"):  # with which providers check the address
            return answers.fine(source=name, message="webhooks are taken here by POST")
        if not found[0].statuses.is_preflighted:
            return answers.wrong_method("GET,HEAD,POST")
        if head.method == "OPTIONS":
            return answers.permitted(head.headers.get("webhook-request-origin", ""))
        return answers.wrong_method("GET,HEAD,OPTIONS,POST")

    def _call(self, head: Head) -> Answer | Post:
        if head.method != "POST":
            return answers.wrong_method("POST")
        found = self.endpoints.get(self.callers.source_of(head))
        if found is None:
            message = "no source of the provider segment has this write key; or post to /webhooks/{source}"
            return self.refuse(self._nobody, Rejected(404, FailureCode.UNKNOWN_SOURCE, message))
        return self._post(head, *found)

    def _one_click(self, head: Head) -> Answer | Post:
        """Shows a page, or takes the opt-out; what no source has signed is the link's fault and nobody's."""
        found = self.links.find(head)
        if found is None:
            return unsubscribe.invalid()
        if head.method in ("GET", "HEAD"):
            return unsubscribe.question(head, found[0].source)
        if head.method != "POST":
            return answers.wrong_method("GET,HEAD,POST")
        taken = self._post(head, *found)
        if isinstance(taken, Post):
            taken.done = unsubscribe.done()
        return taken

    def _post(self, head: Head, endpoint: Endpoint, counts: SourceCounts) -> Answer | Post:
        held: Held | None = None
        try:
            held = self.admission.enter(endpoint.statuses.overloaded)
            if not self.log.is_available():
                counts.log_failures.inc()
                unavailable = endpoint.statuses.unavailable
                message = "the log is unavailable; send again later"
                raise Rejected(unavailable, FailureCode.LOG_UNAVAILABLE, message)  # noqa: TRY301
            return Post(self, endpoint, counts, head, held, Body(head, held, self.max_body_bytes))
        except Rejected as error:
            if held is not None:
                held.leave()
            return self.refuse(counts, error)


@dataclass(slots=True)
class Post:
    """One webhook on its way: the body comes in, is checked, appended, answered. See `connection.Receiving`."""

    gateway: Gateway
    endpoint: Endpoint
    counts: SourceCounts
    head: Head
    held: Held
    body: Body
    done: Answer | None = None  # what is said instead of the usual acceptance

    def add(self, chunk: bytes) -> Answer | None:
        """Take a part of the body; an answer when it is too much."""
        try:
            self.body.add(chunk)
        except Rejected as error:
            self.held.leave()
            return self.gateway.refuse(self.counts, error)
        return None

    def too_slow(self) -> Answer:
        """The body did not arrive in time."""
        self.held.leave()
        message = f"the body did not arrive within {self.gateway.receive_s:g} s"
        return self.gateway.refuse(
            self.counts, Rejected(self.endpoint.statuses.slow_body, FailureCode.SLOW_BODY, message)
        )

    def abandon(self) -> None:
        """The sender has gone."""
        self.held.leave()

    async def answer(self) -> Answer:
        """Take the request: 2xx only when its record is acknowledged."""
        statuses, counts = self.endpoint.statuses, self.counts
        try:
            answer = await self._take()
        except Rejected as error:
            return self.gateway.refuse(counts, error)
        except Transient as error:
            message = f"{error}; send again later"
            return self.gateway.refuse(counts, Rejected(statuses.unavailable, FailureCode.LOG_UNAVAILABLE, message))
        except Exception as error:  # noqa: BLE001  # the guard: whatever it was, the provider shall send again
            _log_defect(counts.source, error)
            message = "the gateway failed to process this request; send again later"
            return self.gateway.refuse(counts, Rejected(statuses.unavailable, FailureCode.UNEXPECTED, message))
        finally:
            self.held.leave()
        counts.requests[answer.status].inc()
        return answer

    async def _take(self) -> Answer:
        body = await self.body.read(self.gateway.unpacker)
        checked = await self._check(body)
        self.counts.verified[checked.verdict.secret_index].inc()
        await self._append(checked)
        if checked.verdict.fetch_url:
            await self._confirm(checked.verdict.fetch_url)
        if self.done is not None:
            return self.done
        return answers.accepted(self.endpoint.statuses.accepted, checked.request_id, checked.verdict.reply)

    async def _check(self, body: bytes) -> Checked:
        """In the loop, since a thread's hand-over costs as much; in a thread what is large or must fetch first."""
        gateway = self.gateway
        check = partial(self.endpoint.check, self.head, body, gateway.clock_ms())
        if len(body) <= _LARGE:
            with contextlib.suppress(_FetchFirstError):
                return check(_KnownOnly(gateway.certificates))
        return await asyncio.to_thread(check, gateway.certificates)

    async def _append(self, checked: Checked) -> None:
        started = time.perf_counter()
        try:
            await self.gateway.log.send(WEBHOOKS.name, checked.value)
        except Transient:
            self.counts.log_failures.inc()
            raise
        except Permanent as error:
            raise Rejected(413, error.code, "the request is larger than the log takes; send smaller batches") from error
        self.gateway.metrics.ack_seconds.observe(time.perf_counter() - started)
        self.counts.body_bytes.inc(checked.size_bytes)

    async def _confirm(self, url: str) -> None:
        """A failed confirmation is answered like a failed append: the provider sends it again."""
        try:
            await subscriptions.confirm(self.gateway.client, url)
        except Transient as error:
            self.counts.confirmations["failed"].inc()
            LOG.warning("source %s: %s", self.counts.source, error)
            raise
        self.counts.confirmations["confirmed"].inc()
        LOG.info("source %s: subscription confirmed", self.counts.source)


def build_app(
    config: Config,
    log: Log,
    certificates: CertificateStore,
    codec: Codec,
    clock_ms: Callable[[], int],
    *,
    connectors: Callable[[str], Connector],
    client: httpx.AsyncClient,
    is_alone: bool = True,
) -> Gateway:
    """The application, for the running event loop.

    `connectors` finds one by provider name; `client` confirms subscriptions; `is_alone` as in `Pages`. Raises
    Misconfigured for a source that nothing protects: neither secrets nor topics, and not said to be unsigned;
    and for two with one write key.
    """
    metrics, admission, base = Metrics(), Admission(config.limits), config.public_url.rstrip("/")
    endpoints = {
        source.name: (
            Endpoint(_checked(source), connectors(source.provider), codec.encode, base),
            SourceCounts(metrics, source.name),
        )
        for source in config.sources
    }
    return Gateway(
        endpoints=endpoints,
        callers=Callers(config.sources),
        links=unsubscribe.links_of(endpoints.values()),
        log=log,
        certificates=certificates,
        clock_ms=clock_ms,
        client=client,
        admission=admission,
        unpacker=Unpacker(config.limits),
        metrics=metrics,
        pages=Pages(log=log, metrics=metrics, admission=admission, is_alone=is_alone),
        max_body_bytes=config.limits.max_body_bytes,
        receive_s=config.limits.body_timeout_s,
    )


def _checked(source: Source) -> Source:
    is_fetched = source.inbox.kind != "none" or source.poll.is_on
    if not (source.secrets or source.topic_arns or source.is_unsigned or is_fetched):
        raise Misconfigured(
            f"source {source.name!r} has no secrets, so anybody could post to it: add `secrets`,"
            " or `is_unsigned: true` if something in front of the gateway protects it"
        )
    return source


def _log_defect(source: str, error: Exception) -> None:
    """Where it happened and what kind, without its text: that may quote the body."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    text = str(error) if isinstance(error, MailweirError) else type(error).__name__
    LOG.error("source %s: a request failed at %s:%s: %s", source, place.filename, place.lineno, text)
