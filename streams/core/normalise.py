"""From one raw webhook to canonical events and dead letters.

The connector does the reading; this adds what only the log knows: where the raw record lies. One bad
item never sinks its request, and a request that nobody can read is one dead letter with its bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from connectors.base import Connector, Context, Failure, Request
from schemas.config import Config
from schemas.envelope import RawWebhook
from schemas.errors import FailureCode, Misconfigured
from schemas.failures import DeadLetter, Stage
from schemas.identity import digest
from schemas.reports import Parsed


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record lies in the log."""

    topic: str
    partition: int
    offset: int


@dataclass(slots=True)
class Exploded:
    """What one raw record became. `passed_over`: of how many items that are about no e-mail nothing came."""

    events: list[Parsed] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    provider: str = ""
    passed_over: int = 0


def explode(raw: RawWebhook, origin: Origin, config: Config, connectors: Callable[[str], Connector]) -> Exploded:
    """Every event of the request, each pointing at `origin`, and a dead letter for what is unreadable."""
    try:
        connector = connectors(raw.provider)
    except Misconfigured as error:
        whole = Failure(code=FailureCode.UNKNOWN_SOURCE, reason=str(error), item=raw.body)
        return Exploded(dead_letters=[dead_letter(whole, raw, origin)])
    request = Request(
        headers={header.name: header.value for header in raw.headers},
        body=raw.body,
        url=raw.url,
        received_at=raw.received_at,
    )
    context = Context(
        tenant=raw.tenant,
        source=raw.source,
        received_at=raw.received_at,
        recipient_secret=config.tenant(raw.tenant).recipient_secret.get_secret_value(),
    )
    result = connector.parse(request, context)
    for event in result.events:
        event.raw_topic, event.raw_partition, event.raw_offset = origin.topic, origin.partition, origin.offset
    letters = [dead_letter(failure, raw, origin) for failure in result.failures]
    return Exploded(result.events, letters, raw.provider, len(result.passed_over))


def dead_letter(failure: Failure, raw: RawWebhook, origin: Origin) -> DeadLetter:
    """The failure with everything needed to mend and replay it; its id depends on the origin alone."""
    return DeadLetter(
        dead_letter_id=digest(origin.topic, origin.partition, origin.offset, failure.index),
        stage=Stage.NORMALISE,
        code=failure.code,
        reason=failure.reason,
        tenant=raw.tenant,
        source=raw.source,
        provider=raw.provider,
        received_at=raw.received_at,
        origin_topic=origin.topic,
        origin_partition=origin.partition,
        origin_offset=origin.offset,
        item_index=failure.index,
        original=failure.item,
    )


def unreadable(value: bytes, origin: Origin, code: FailureCode, reason: str, stage: Stage) -> DeadLetter:
    """A dead letter for a record that could not even be decoded, or whose processing raised."""
    return DeadLetter(
        dead_letter_id=digest(origin.topic, origin.partition, origin.offset, -1),
        stage=stage,
        code=code,
        reason=reason,
        tenant="",
        source="",
        provider="",
        received_at=0,
        origin_topic=origin.topic,
        origin_partition=origin.partition,
        origin_offset=origin.offset,
        item_index=-1,
        original=value,
    )
