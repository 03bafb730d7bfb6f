"""One webhook's way through the gateway: its body comes in, is checked, appended to the log, answered.

Every way out of `Post.answer` is an answer that this provider understands, and `except Exception` there is the one
guard: a defect of ours makes the provider send again, it never loses the post and shows nobody a traceback.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import httpx

from schemas.errors import FailureCode, MailweirError, Permanent, Rejected, Transient
from schemas.topics import WEBHOOKS
from streams.gateway import answers, subscriptions
from streams.gateway.admission import Held
from streams.gateway.body import Body, Unpacker
from streams.gateway.certificates import CertificateStore
from streams.gateway.envelope import Checked, Endpoint
from streams.gateway.http import Answer, Head
from streams.gateway.metrics import Metrics, SourceCounts
from streams.gateway.pages import Health

LOG = logging.getLogger(__name__)
_LARGE = 256 * 1024  # bytes: a body whose check would hold the loop for a millisecond and more


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What all posts of a gateway use. `receive_s`: how long a body may take to arrive."""

    log: Log
    certificates: CertificateStore
    clock_ms: Callable[[], int]
    client: httpx.AsyncClient
    unpacker: Unpacker
    metrics: Metrics
    receive_s: float


def refuse(counts: SourceCounts, error: Rejected) -> Answer:
    """Count a refusal; its answer."""
    counts.rejected[error.code.value].inc()
    counts.requests[error.status].inc()
    return answers.refused(error)


@dataclass(slots=True)
class Post:
    """One webhook on its way: the body comes in, is checked, appended, answered. See `connection.Receiving`."""

    means: Means
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
            return refuse(self.counts, error)
        return None

    def too_slow(self) -> Answer:
        """The body did not arrive in time."""
        self.held.leave()
        message = f"the body did not arrive within {self.means.receive_s:g} s"
        return refuse(self.counts, Rejected(self.endpoint.statuses.slow_body, FailureCode.SLOW_BODY, message))

    def abandon(self) -> None:
        """The sender has gone."""
        self.held.leave()

    async def answer(self) -> Answer:
        """Take the request: 2xx only when its record is acknowledged."""
        statuses, counts = self.endpoint.statuses, self.counts
        try:
            answer = await self._take()
        except Rejected as error:
            return refuse(counts, error)
        except Transient as error:
            message = f"{error}; send again later"
            return refuse(counts, Rejected(statuses.unavailable, FailureCode.LOG_UNAVAILABLE, message))
        except Exception as error:  # noqa: BLE001  # the guard: whatever it was, the provider shall send again
            _log_defect(counts.source, error)
            message = "the gateway failed to process this request; send again later"
            return refuse(counts, Rejected(statuses.unavailable, FailureCode.UNEXPECTED, message))
        finally:
            self.held.leave()
        counts.requests[answer.status].inc()
        return answer

    async def _take(self) -> Answer:
        body = await self.body.read(self.means.unpacker)
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
        means = self.means
        check = partial(self.endpoint.check, self.head, body, means.clock_ms())
        if len(body) <= _LARGE:
            with contextlib.suppress(_FetchFirstError):
                return check(_KnownOnly(means.certificates))
        return await asyncio.to_thread(check, means.certificates)

    async def _append(self, checked: Checked) -> None:
        started = time.perf_counter()
        try:
            await self.means.log.send(WEBHOOKS.name, checked.value)
        except Transient:
            self.counts.log_failures.inc()
            raise
        except Permanent as error:
            raise Rejected(413, error.code, "the request is larger than the log takes; send smaller batches") from error
        self.means.metrics.ack_seconds.observe(time.perf_counter() - started)
        self.counts.body_bytes.inc(checked.size_bytes)

    async def _confirm(self, url: str) -> None:
        """A failed confirmation is answered like a failed append: the provider sends it again."""
        try:
            await subscriptions.confirm(self.means.client, url)
        except Transient as error:
            self.counts.confirmations["failed"].inc()
            LOG.warning("source %s: %s", self.counts.source, error)
            raise
        self.counts.confirmations["confirmed"].inc()
        LOG.info("source %s: subscription confirmed", self.counts.source)


def _log_defect(source: str, error: Exception) -> None:
    """Where it happened and what kind, without its text: that may quote the body."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    text = str(error) if isinstance(error, MailweirError) else type(error).__name__
    LOG.error("source %s: a request failed at %s:%s: %s", source, place.filename, place.lineno, text)
