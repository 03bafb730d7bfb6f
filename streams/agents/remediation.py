"""Remediation: scores in, decisions out; decisions in, the senders' APIs called, outcomes out.

Scores come by a lane, the few decisions by Faust's own consumer; positions move after the effect. What was
decided and carried out is read back from the decisions and outcomes topics whenever this process is given
the scores: no other state exists, and a decision read twice is carried out once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer

from schemas.aggregates import ReputationScore
from schemas.avro import Codec
from schemas.config import Config, Source
from schemas.errors import FailureCode, Permanent
from schemas.failures import DeadLetter, Stage
from schemas.identity import digest
from schemas.remediation import Decision, Outcome, OutcomeStatus
from schemas.topics import DEAD_LETTERS, DECISIONS, OUTCOMES, REPUTATION_SCORES, Topic
from streams.core.normalise import Origin, unreadable
from streams.core.remediation.desk import Desk
from streams.kafka import LogProducer, Record
from streams.lane.changelog import read_to_end
from streams.lane.guard import persist
from streams.lane.lane import LaneSettings, RelayLane
from streams.lane.part import Batch, Part
from streams.telemetry import Telemetry

Execute = Callable[[Decision, Source], Awaitable[Outcome]]
"""Carries one decision out at one source; never raises for what the other side did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What the agents work with. `clock_ms`: wall time."""

    bootstrap: str
    config: Config
    codec: Codec
    log: LogProducer
    execute: Execute
    clock_ms: Callable[[], int]
    stats: Telemetry


class Remediation:
    """The desk that decides, and the memory of what was carried out."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._desk = Desk()
        self._settled: set[str] = set()

    def restore(self) -> None:
        """Read every decision and outcome. Blocks; raises KafkaException."""
        codec = self._tools.codec
        self._desk = Desk(codec.decode(value, Decision) for value in self._all(DECISIONS))
        outcomes = [codec.decode(value, Outcome) for value in self._all(OUTCOMES)]
        self._settled = {outcome.outcome_id for outcome in outcomes}

    def _all(self, topic: Topic) -> list[bytes]:
        reader = Consumer(
            {
                "bootstrap.servers": self._tools.bootstrap,
                "log_level": 2,
                "group.id": "mailweir-remediation-restore",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
            }
        )
        try:
            last = {message.key(): message.value() for message in read_to_end(reader, topic.name, [0])}
        finally:
            reader.close()
        return [value for value in last.values() if value is not None]

    async def decide(self, value: bytes) -> None:
        """One score: write the decision it calls for, if there is a new one."""
        tools = self._tools
        score = tools.codec.decode(value, ReputationScore)
        decision = self._desk.consider(score, tools.config.policy(score.tenant), tools.clock_ms())
        if decision is not None:
            await self._write(DECISIONS, decision.decision_id, decision)
            tools.stats.count_decision(decision.action, decision.mode)

    async def carry_out(self, value: bytes) -> None:
        """One decision: carry it out at every source of its key that has not answered yet."""
        decision = self._tools.codec.decode(value, Decision)
        sources = [source for name in decision.sources if (source := self._tools.config.source(name))]
        todo = [source for source in sources if digest(decision.decision_id, source.name) not in self._settled]
        outcomes = await asyncio.gather(*(self._tools.execute(decision, source) for source in todo))
        if not sources:
            outcomes = [_nowhere(decision, self._tools.clock_ms())]
        for outcome in outcomes:
            await self._write(OUTCOMES, outcome.outcome_id, outcome)
            self._settled.add(outcome.outcome_id)
            self._tools.stats.count_outcome(outcome.driver, outcome.status)

    async def bury(self, value: bytes, origin: Origin, error: Permanent | None, reason: str) -> None:
        """A record that cannot be processed becomes a dead letter."""
        code = error.code if error else FailureCode.UNEXPECTED
        letter: DeadLetter = unreadable(value, origin, code, reason, Stage.REMEDIATION)
        await self._write(DEAD_LETTERS, letter.dead_letter_id, letter)
        self._tools.stats.count_dead(Stage.REMEDIATION, code)

    async def _write(self, topic: Topic, key: str, record: Decision | Outcome | DeadLetter) -> None:
        records: Sequence[Record] = [Record(topic.name, self._tools.codec.encode(record), key.encode())]
        await persist(f"writing to {topic.name}", lambda: self._tools.log.send_all(records))


def _nowhere(decision: Decision, now_ms: int) -> Outcome:
    return Outcome(
        outcome_id=digest(decision.decision_id, ""),
        decision_id=decision.decision_id,
        tenant=decision.tenant,
        kind=decision.kind,
        key=decision.key,
        action=decision.action,
        source="",
        driver="none",
        status=OutcomeStatus.UNSUPPORTED,
        attempt=0,
        http_status=0,
        detail="none of the key's sources is configured any more; act by hand or add the source again",
        executed_at=now_ms,
    )


class ScoresLane(RelayLane):
    """The scores, in batches: there are hundreds a second of them, and Faust takes a millisecond for each.

    Whoever is given them first reads back what was decided and carried out.
    """

    def __init__(self, app: Any, settings: LaneSettings, remediation: Remediation) -> None:
        super().__init__(app, settings)
        self._remediation = remediation

    def open_parts(self, numbers: list[int]) -> dict[int, Part[None]]:
        """Read back what was decided and carried out. Raises KafkaException."""
        self._remediation.restore()
        return super().open_parts(numbers)


def attach(app: Any, lane: ScoresLane, remediation: Remediation) -> None:
    """Add both agents to the app: one decides on batches of scores, one carries out decisions."""
    decisions = app.topic(DECISIONS.name, key_serializer="raw", value_serializer="raw")

    @app.agent(lane.channel)  # type: ignore[untyped-decorator]  # Faust has no types
    async def decide(batches: AsyncIterator[Batch[None]]) -> None:
        async for batch in batches:
            try:
                if lane.accept(batch):
                    for value, offset in zip(batch.values, batch.offsets, strict=True):
                        origin = Origin(REPUTATION_SCORES.name, batch.part.number, offset)
                        await _one(remediation, remediation.decide, value or b"", origin)
                    lane.done(batch)
            except Exception as error:  # noqa: BLE001 - nothing may leave the loop; the process ends and reads again
                await lane.failed(batch, error)

    @app.agent(decisions)  # type: ignore[untyped-decorator]  # Faust has no types
    async def carry_out(stream: Any) -> None:
        unacknowledged = stream.noack()
        async for event in unacknowledged.events():
            try:
                origin = Origin(event.message.topic, event.message.partition, event.message.offset)
                await _one(remediation, remediation.carry_out, event.value or b"", origin)
                await unacknowledged.ack(event)
            except Exception as error:  # noqa: BLE001 - as above
                await app.crash(error)
                return


async def _one(
    remediation: Remediation, work: Callable[[bytes], Awaitable[None]], value: bytes, origin: Origin
) -> None:
    """One record; one that cannot be processed is buried, anything else comes out."""
    try:
        await work(value)
    except Permanent as error:
        await remediation.bury(value, origin, error, str(error))
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:  # a defect, about this record
        await remediation.bury(value, origin, None, f"{type(error).__name__}: {error}")
