"""The scorer: every partial count in, the score of every changed key out.

Scores are a pure function of the partials and of what the watch says, so nothing of the scorer's is persisted: a
new one reads the compacted partials from the start. Of several reputation processes one scores: the one that has
the watch. The others read along, so that any of them can go on at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from time import monotonic as _now
from typing import Any

import numpy as np
from confluent_kafka import Consumer, KafkaError, Message, TopicPartition
from mode import Service

from schemas.aggregates import ReputationScore
from schemas.avro import Codec
from schemas.errors import Permanent, Transient
from schemas.reports import StandingReport
from schemas.topics import REPUTATION_PARTIALS, REPUTATION_SCORES, STANDING_REPORTS
from streams.core.reputation.context import ALONE, Context, tenant_key
from streams.core.reputation.ledger import Key, KeyView, Ledger, narrow_first
from streams.core.reputation.partial_rows import read_partials
from streams.core.reputation.queue import ScoreQueue
from streams.core.reputation.standing import Standings
from streams.kafka import LogProducer, Record
from streams.lane import runs
from streams.lane.changelog import read_batches_to_end
from streams.lane.pace import Pace
from streams.telemetry import Telemetry
from streams.topics import BACK_SOON

log = logging.getLogger(__name__)
_POLL_S = 0.05
_LEAVE_S = 15.0
_FORGET_S = 120.0
_MOST = 10_000  # partials taken in at once,
_CATCH_UP = 20  # and how often before those that are known are scored
_SLICE = 16  # keys: scored in some 2 ms
_TURN_CPU_S = 0.005  # of one turn; what has not had its turn yet is next
_SHORTEST_S = 0.01  # changes of one moment are scored together
_REST = 3.0  # scoring may take a quarter of one core, and less of a busy machine
_PATIENCE, _PAUSE_S = 30, 1.0  # failures in a row, and how far they are apart at least
ScoreKey = Callable[[KeyView, int, Context], ReputationScore]


class Scorer(Service):
    """A thread that knows every key, and scores them while it leads: `score_key(view, now_ms, context)` is the core's.

    `leads`: None while nobody knows yet whether this process does.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        log_producer: LogProducer,
        codec: Codec,
        score_key: ScoreKey,
        leads: Callable[[], bool | None],
        partitions: int,
        every_s: float,
        clock_ms: Callable[[], int],
        stats: Telemetry,
    ) -> None:
        super().__init__()
        self._bootstrap, self._log, self._codec, self._score_key = bootstrap, log_producer, codec, score_key
        self._partitions, self._every_s, self._ask = partitions, every_s, leads
        self._clock_ms, self._stats = clock_ms, stats
        self._standings = Standings()
        self._halt = threading.Event()
        self._leads = self._is_current = False
        # Slices that were sent, and how to wait for each; None for one that found no room and goes out when it lands.
        self._flying: deque[tuple[list[Record], Callable[[], object] | None]] = deque()

    @property
    def is_ready(self) -> bool:
        """It has read everything back, and knows whether it leads."""
        return self._is_current and self._ask() is not None

    async def on_start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="scorer", daemon=True)
        self._thread.start()

    async def on_stop(self) -> None:
        """Leave the group, so that another process leads at once."""
        self._halt.set()
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join, _LEAVE_S)

    def _run(self) -> None:
        reader = Consumer(self._config())
        try:
            ledger = Ledger()
            if self._read_back(reader, ledger):
                self._follow(reader, ledger)
        except BaseException as error:  # a thread's end must never go unnoticed
            log.exception("the scorer ended")
            self.loop.call_soon_threadsafe(self.loop.create_task, self.crash(error))
        finally:
            reader.close()

    def _read_back(self, reader: Consumer, ledger: Ledger) -> bool:
        """Take in everything up to the present end; False if the process is to end before that."""
        positions: list[TopicPartition] = []  # from here on, from where each partition's reading ended
        for topic, numbers in ((STANDING_REPORTS.name, [0]), (REPUTATION_PARTIALS.name, range(self._partitions))):
            for messages in read_batches_to_end(reader, topic, list(numbers)):
                self._apply(ledger, messages, is_new=False)
                if self._halt.is_set():
                    return False
            positions += reader.position([TopicPartition(topic, number) for number in numbers])
        reader.assign([TopicPartition(p.topic, p.partition, max(p.offset, 0)) for p in positions])
        self._is_current = True
        return True

    def _follow(self, reader: Consumer, ledger: Ledger) -> None:
        """Score what changes as soon as the pace allows; or, without the lead, remember what has changed."""
        queue = ScoreQueue()
        queue.add(ledger.changed(), is_news=False)
        pace = Pace(longest_s=self._every_s, shortest_s=_SHORTEST_S, rest=_REST)
        clean_up_s = _now() + _FORGET_S
        while not self._halt.is_set():
            self._leads = self._ask() is True
            has_work = self._leads and bool(queue)
            messages = [] if has_work else [found for found in reader.consume(1, _POLL_S) if found.error() is None]
            self._land()
            since_s = _now()
            if messages or has_work:
                self._halt.wait(max(0.0, pace.due_s(since_s) - since_s))
                began_s, began_cpu_s = _now(), time.thread_time()
                self._catch_up(reader, ledger, messages)
                queue.add(narrow_first(ledger.changed()), is_news=self._leads)
                while self._leads and queue and time.thread_time() - began_cpu_s < _TURN_CPU_S:
                    keys = queue.take(_SLICE)
                    self._write(self._scores(ledger, keys))
                    ledger.scored(keys)
                pace.turned(now := _now(), now - began_s)  # not CPU: where others want it, a turn takes longer
            if since_s >= clean_up_s:
                clean_up_s = since_s + _FORGET_S
                queue.forget(ledger.forget())
        self._land()

    def _scores(self, ledger: Ledger, keys: list[Key]) -> list[ReputationScore]:
        """Beside what their tenants' mail as a whole does, and what is reported of them."""
        tenants: dict[str, Context] = {}
        made = []
        for key in keys:
            if key.tenant not in tenants:
                tenants[key.tenant] = _of_tenant(ledger, key.tenant)
            context = replace(tenants[key.tenant], standing=self._standings.of(key.tenant, key.key))
            made.append(self._score_key(ledger.view(key), self._clock_ms(), context))
        return made

    def _catch_up(self, reader: Consumer, ledger: Ledger, messages: list[Message]) -> None:
        """Take in what is there, after these messages; what is counted while nobody here scores has no latency."""
        for _ in range(_CATCH_UP):
            messages += reader.consume(_MOST, 0)
            self._apply(ledger, messages, is_new=self._leads)
            if len(messages) < _MOST:
                return
            messages = []

    def _apply(self, ledger: Ledger, messages: list[Message], *, is_new: bool) -> None:
        for error in runs.errors(messages):
            if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's public code
                log.warning("scorer: %s", error.name())
        records = []
        for message in messages:
            if message.error() is None and message.topic() == REPUTATION_PARTIALS.name:
                records.append(message)
            elif message.error() is None:
                self._note(message)
        partitions = np.fromiter(map(Message.partition, records), np.int64, len(records))
        rows, broken = read_partials(runs.keys_of(records), runs.values_of(records), partitions, self._codec)
        for position, reason in broken.items():
            log.error("partial at %d:%d left out: %s", partitions[position], records[position].offset(), reason)
        if not is_new:
            rows = rows.without_latency()  # counted while this scorer did not lead
        ledger.apply(rows)

    def _note(self, message: Message) -> None:
        try:
            self._standings.take(self._codec.decode(message.value() or b"", StandingReport))
        except Permanent as reason:
            log.error("report at %d left out: %s", message.offset(), reason)  # noqa: TRY400 - no defect of ours

    def _write(self, scores: list[ReputationScore]) -> None:
        """Send scores; `_land` waits for their acknowledgement while the next are still to be made."""
        records = [
            Record(REPUTATION_SCORES.name, self._codec.encode(s), f"{s.tenant}\x1f{s.kind}\x1f{s.key}".encode())
            for s in scores
        ]
        answer = None
        if not self._flying or self._flying[-1][1] is not None:  # else there was no room, and order matters
            with contextlib.suppress(Transient):
                answer = self._log.start(records)
        self._flying.append((records, answer))

    def _land(self) -> None:
        """Wait until everything sent is acknowledged. After a failure the rest goes out again too, in order.

        Without the lead, or at the end of the process, a failure is where it stops: the next leader makes these
        scores from the log, and nothing of ours may come behind its own.
        """
        failures = 0
        while self._flying:
            records, answer = self._flying[0]
            try:
                if answer is None:
                    self._log.produce_all(records)
                else:
                    answer()
            except Transient:
                failures += 1
                self._leads = self._ask() is True
                if not self._leads or self._halt.wait(_PAUSE_S):
                    self._flying.clear()
                elif failures > _PATIENCE:
                    raise  # the process starts anew and scores from the log
                self._flying = deque((some, None) for some, _ in self._flying)
            else:
                self._flying.popleft()
                self._stats.count_scores(len(records))

    def _config(self) -> dict[str, Any]:
        return {
            "bootstrap.servers": self._bootstrap,
            "log_level": 2,
            "group.id": "mailweir-scorer-reader",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            **BACK_SOON,
            "fetch.wait.max.ms": 20,
            "fetch.queue.backoff.ms": 10,
            "isolation.level": "read_uncommitted",  # a partial is true by itself, committed or not
            "enable.partition.eof": True,
        }


def _of_tenant(ledger: Ledger, tenant: str) -> Context:
    try:
        return Context.of(ledger.view(tenant_key(tenant)))
    except KeyError:  # its events name no tenant
        return ALONE
