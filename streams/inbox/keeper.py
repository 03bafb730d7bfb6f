"""Where a mail becomes safe: one raw record per mail, in the same topic as webhooks, under the name of its source.

Whoever brings the mail marks, moves or acknowledges it after `keep` has returned. A crash in between brings it a
second time: the events' ids come from what the mail says, so they are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from schemas.config import Source
from schemas.envelope import RawWebhook, request_id
from schemas.errors import FailureCode, Permanent, Transient
from schemas.topics import WEBHOOKS
from streams.inbox.metrics import InboxMetrics


class Log(Protocol):
    """Where records become safe; `streams.kafka.LogProducer` is the real one."""

    async def send(self, topic: str, value: bytes) -> tuple[int, int]:
        """(partition, offset) once acknowledged. Raises Transient, or Permanent if it is too large."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """Keeps the mails of one source. `encode` makes a record's topic value, `clock_ms` the time of receipt."""

    source: Source
    log: Log
    encode: Callable[[RawWebhook], bytes]
    clock_ms: Callable[[], int]
    metrics: InboxMetrics

    @property
    def max_mail_bytes(self) -> int:
        """The largest mail that is taken."""
        return self.source.inbox.max_mail_bytes

    async def keep(self, mail: bytes) -> None:
        """Append the mail; returns when the log has acknowledged it. Raises Transient, or Permanent: never fits."""
        name = self.source.name
        try:
            await self.log.send(WEBHOOKS.name, self._value(mail))
        except Permanent as error:
            self.metrics.mails.labels(name, error.code.value).inc()
            raise
        except Transient:
            self.metrics.mails.labels(name, "put_off").inc()
            raise
        self.metrics.mails.labels(name, "kept").inc()

    def _value(self, mail: bytes) -> bytes:
        if len(mail) > self.max_mail_bytes:
            raise Permanent(FailureCode.BODY_TOO_LARGE, f"the mail is larger than {self.max_mail_bytes} bytes")
        source, url = self.source, f"inbox:{self.source.inbox.kind}"
        return self.encode(
            RawWebhook(
                request_id=request_id(source.name, url, mail),
                tenant=source.tenant,
                source=source.name,
                provider=source.provider,
                received_at=self.clock_ms(),
                url=url,
                body=mail,
            )
        )
