"""A keeper whose log is in memory, for tests of what brings mails to it."""

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry

from schemas.avro import Codec
from schemas.config import Source
from schemas.envelope import RawWebhook
from streams.inbox.keeper import Keeper
from streams.inbox.metrics import InboxMetrics

MAIL = b"From: MAILER-DAEMON@example.net\r\nSubject: failure notice\r\n\r\n<ada@example.com>: 550 5.1.1 unknown\r\n"
NOW_MS = 1_795_000_000_000


class MemoryLog:
    """Keeps records; raises the errors it is given, one each, first."""

    def __init__(self, *errors: Exception) -> None:
        self.records: list[tuple[str, bytes]] = []
        self.errors = list(errors)

    async def send(self, topic: str, value: bytes) -> tuple[int, int]:
        if self.errors:
            raise self.errors.pop(0)
        self.records.append((topic, value))
        return 0, len(self.records) - 1

    def bodies(self) -> list[bytes]:
        return [record.body for record in self.stored()]

    def stored(self) -> list[RawWebhook]:
        return [Codec().decode(value, RawWebhook) for _, value in self.records]


def keeper(log: MemoryLog, **inbox: Any) -> Keeper:
    source = Source.model_validate({"name": "feedback", "provider": "mail", "inbox": {"poll_s": 0.1, **inbox}})
    return Keeper(
        source=source,
        log=log,
        encode=Codec().encode,
        clock_ms=lambda: NOW_MS,
        metrics=InboxMetrics(CollectorRegistry()),
    )


def counted(of: Keeper, result: str) -> float:
    return float(of.metrics.mails.labels("feedback", result)._value.get())
