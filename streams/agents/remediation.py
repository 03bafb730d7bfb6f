"""Remediation: verdicts to decisions (a lane whose state is the desk); decisions to calls of the senders' APIs.

A person's rulings join the verdicts in their topic, and so do mailbox providers' reports of spam traps, so that the log
alone says what was decided, and in which order.
What was carried out is read back from the outcomes whenever this process is given the decisions: a decision read twice
is carried out once. Decisions of one key are carried out one after the other, those of others meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from confluent_kafka import Consumer
from mode import Service

from schemas.avro import Codec
from schemas.config import Config, Source
from schemas.errors import FailureCode, Permanent
from schemas.failures import DeadLetter, Stage
from schemas.identity import digest
from schemas.remediation import Decision, Outcome, OutcomeStatus
from schemas.reports import StandingReport
from schemas.topics import DAY_MS, DEAD_LETTERS, DECISIONS, OUTCOMES, VERDICTS, Topic
from streams.agents import folding
from streams.agents.announcer import Announcer, Deliver
from streams.core.changes import Cut
from streams.core.normalise import Origin, unreadable
from streams.core.remediation.announce import Told, untold
from streams.core.remediation.desk_log import DeskLog
from streams.core.remediation.traps import tells_of_traps
from streams.kafka import LogProducer, Record
from streams.lane.changelog import StatefulLane, read_to_end
from streams.lane.guard import persist
from streams.lane.part import Batch, Part
from streams.lane.work_lane import WorkLane
from streams.telemetry import Telemetry

Execute = Callable[[Decision, Source], Awaitable[Outcome]]
"""Carries one decision out at one source; never raises for what the other side did."""
_AT_ONCE = 64  # decisions being carried out; each may wait two minutes for an API that does not answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What the agents work with. `clock_ms`: wall time."""

    bootstrap: str
    config: Config
    codec: Codec
    log: LogProducer
    execute: Execute
    deliver: Deliver
    clock_ms: Callable[[], int]
    stats: Telemetry


class Hands(Service):
    """Carries decisions out, has people told, and remembers both."""

    def __init__(self, tools: Tools) -> None:
        super().__init__()
        self._tools = tools
        config = tools.config
        self._announcer = Announcer(config.alerts, tools.deliver, self._told, tools.clock_ms, config.console_url)
        self._settled: set[str] = set()
        self._untold: list[Told] = []
        self._busy: WeakValueDictionary[tuple[str, str, str], asyncio.Lock] = WeakValueDictionary()
        self.room = asyncio.Semaphore(_AT_ONCE)

    def restore(self) -> None:
        """Read every outcome, and of whom nobody was told. Blocks; raises KafkaException."""
        codec, alerts = self._tools.codec, self._tools.config.alerts
        outcomes = [codec.decode(value, Outcome) for value in self._all(OUTCOMES)]
        self._settled |= {outcome.outcome_id for outcome in outcomes if outcome.status != OutcomeStatus.WAITING}
        if alerts:
            decisions = [codec.decode(value, Decision) for value in self._all(DECISIONS)]
            self._untold = untold(decisions, outcomes, alerts, self._tools.clock_ms() - DAY_MS)

    @Service.task
    async def _tell(self) -> None:
        for decision, outcomes in self._untold:
            self._announcer.submit(decision, outcomes, self._settled)
        self._untold.clear()
        await self._announcer.run()

    async def _told(self, outcome: Outcome) -> None:
        await self._write(OUTCOMES, outcome.outcome_id, outcome)
        self._settled.add(outcome.outcome_id)
        self._tools.stats.count_outcome(outcome.driver, outcome.status)

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

    async def carry_out(self, value: bytes) -> None:
        """One decision: carry it out at every source of its key that has not answered yet."""
        decision = self._tools.codec.decode(value, Decision)
        lock = self._busy.setdefault((decision.tenant, decision.kind, decision.key), asyncio.Lock())
        async with lock:  # in the order of the log
            await self._carry_out(decision)

    async def _carry_out(self, decision: Decision) -> None:
        sources = [source for name in decision.sources if (source := self._tools.config.source(name))]
        todo = [source for source in sources if digest(decision.decision_id, source.name) not in self._settled]
        outcomes = await asyncio.gather(*(self._tools.execute(decision, source) for source in todo))
        if not sources:
            outcomes = [_nowhere(decision, self._tools.clock_ms())]
        for outcome in outcomes:
            await self._write(OUTCOMES, outcome.outcome_id, outcome)
            if outcome.status != OutcomeStatus.WAITING:
                self._settled.add(outcome.outcome_id)
            self._tools.stats.count_outcome(outcome.driver, outcome.status)
        self._announcer.submit(decision, outcomes, self._settled)

    async def join(self, value: bytes) -> None:
        """One record: put it where the desk reads."""
        records = [Record(VERDICTS.name, value)]
        await persist(f"writing to {VERDICTS.name}", lambda: self._tools.log.send_all(records))

    async def join_traps(self, value: bytes) -> None:
        """One report of a mailbox provider: put it where the desk reads, if it tells of spam traps."""
        if tells_of_traps(self._tools.codec.decode(value, StandingReport)):
            await self.join(value)

    async def bury(self, value: bytes, origin: Origin, error: Permanent | None, reason: str) -> None:
        """A record that cannot be processed becomes a dead letter."""
        code = error.code if error else FailureCode.UNEXPECTED
        letter: DeadLetter = unreadable(value, origin, code, reason, Stage.REMEDIATION)
        await self._write(DEAD_LETTERS, letter.dead_letter_id, letter)
        self._tools.stats.count_dead(Stage.REMEDIATION, code)

    async def _write(self, topic: Topic, key: str, record: Outcome | DeadLetter) -> None:
        records: Sequence[Record] = [Record(topic.name, self._tools.codec.encode(record), key.encode())]
        await persist(f"writing to {topic.name}", lambda: self._tools.log.send_all(records))


def _nowhere(decision: Decision, now_ms: int) -> Outcome:
    return Outcome.of(
        decision,
        outcome_id=digest(decision.decision_id, ""),
        source="",
        driver="none",
        status=OutcomeStatus.UNSUPPORTED,
        attempt=0,
        http_status=0,
        detail="none of the key's sources is configured any more; act by hand or add the source again",
        executed_at=now_ms,
    )


class DeskLane(StatefulLane[DeskLog]):
    """The desk over the verdicts."""

    def __init__(self, *given: Any, stats: Telemetry, **named: Any) -> None:
        super().__init__(*given, **named)
        self._stats = stats

    def _cut(self, part: Part[DeskLog]) -> Cut:
        for decision in part.state.made:
            self._stats.count_decision(decision.action, decision.mode)
        return super()._cut(part)


class DecisionLane(WorkLane):
    """Decisions. Whoever is given them first reads back what was carried out."""

    def __init__(self, *given: Any, hands: Hands) -> None:
        super().__init__(*given)
        self._hands = hands

    def open_parts(self, numbers: list[int]) -> dict[int, Part[None]]:
        """Read back what was carried out. Raises KafkaException."""
        self._hands.restore()
        return super().open_parts(numbers)


def attach(
    app: Any, hands: Hands, desk: DeskLane, *, rulings: WorkLane, reports: WorkLane, decisions: DecisionLane
) -> None:
    """Add the agents to the app: the desk decides, rulings and reports join its log, decisions are carried out."""
    folding.attach(app, desk, lambda *_: None)
    _relay(app, rulings, hands, hands.join)
    _relay(app, reports, hands, hands.join_traps)
    _relay(app, decisions, hands, hands.carry_out)


def _relay(app: Any, lane: WorkLane, hands: Hands, work: Callable[[bytes], Awaitable[None]]) -> None:
    """Work on the topic's records, several at once."""
    tasks: set[asyncio.Task[None]] = set()

    async def one(batch: Batch[None], value: bytes | None, offset: int) -> None:
        try:
            await _one(hands, work, value or b"", Origin(lane.settings.topic, batch.part.number, offset))
            lane.finished(batch, offset)
        except Exception as error:  # noqa: BLE001 - nothing may leave the loop; the process ends and reads again
            await lane.failed(batch, error)
        finally:
            hands.room.release()

    @app.agent(lane.channel, name=lane.settings.group)  # type: ignore[untyped-decorator]  # Faust has no types
    async def relay(batches: AsyncIterator[Batch[None]]) -> None:
        async for batch in batches:
            if lane.accept(batch):
                for value, offset in zip(batch.values, batch.offsets, strict=True):
                    await hands.room.acquire()
                    lane.begin(batch, offset)
                    task = asyncio.create_task(one(batch, value, offset))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
                lane.done(batch)


async def _one(hands: Hands, work: Callable[[bytes], Awaitable[None]], value: bytes, origin: Origin) -> None:
    """One record; one that cannot be processed is buried, anything else comes out."""
    try:
        await work(value)
    except Permanent as error:
        await hands.bury(value, origin, error, str(error))
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:  # a defect, about this record
        await hands.bury(value, origin, None, f"{type(error).__name__}: {error}")
