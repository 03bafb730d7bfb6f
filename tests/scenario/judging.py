"""Reputation and remediation in one process: counts, verdicts, scores, decisions, as the services make them.

Only what the senders' APIs answer is made here: yes, after 150 ms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from schemas.avro import Codec
from schemas.config import Config
from schemas.identity import digest
from schemas.remediation import Decision, Mode, Outcome, OutcomeStatus
from schemas.topics import DECISIONS, OUTCOMES, REPUTATION_PARTIALS, REPUTATION_SCORES, REPUTATION_SLOTS, VERDICTS
from streams.core.changes import Side
from streams.core.partials import PartitionCounts
from streams.core.remediation.desk import Desk
from streams.core.remediation.desk_log import DeskLog
from streams.core.remediation.possible import policies
from streams.core.reputation.context import ALONE, Context, tenant_key
from streams.core.reputation.ledger import Ledger, narrow_first
from streams.core.reputation.partial_rows import read_partials
from streams.core.reputation.score import score
from streams.core.reputation.watching import WatchLog
from streams.lane.guard import apart

SCORE_EVERY = 10  # seconds
ANSWER_MS = 150


class Said(NamedTuple):
    """A topic's record."""

    topic: str
    value: bytes


class Judging:
    """Take each second's records in; it yields what the services would write."""

    def __init__(self, config: Config, codec: Codec, carry_out: Callable[[Decision], None]) -> None:
        self._codec, self._carry_out = codec, carry_out
        self._sources = {source.name: source for source in config.sources}
        self._counts = PartitionCounts(0, codec, apart)
        self._watch, self._desk = WatchLog(1, codec), DeskLog(Desk(policies(config)), codec)
        for part in (self._counts, self._watch, self._desk):
            part.start(None)
        self._ledger = Ledger()
        self._records = self._blocks = self._verdicts = self._turns = 0

    def take(self, values: Sequence[bytes], now_ms: int) -> Iterator[Said]:
        """One second's email events and its tick."""
        self._counts.fold(values, range(self._records, self._records + len(values)))
        self._records += len(values)
        cut = self._counts.cut(self._records)
        rows, _ = read_partials([k for k, _ in cut.rows], [v for _, v in cut.rows], _zeros(len(cut.rows)), self._codec)
        self._ledger.apply(rows)
        yield from (Said(REPUTATION_PARTIALS.name, value) for _, value in cut.rows if value is not None)
        yield from self._judge(cut.sides, now_ms)
        self._turns += 1
        if self._turns % SCORE_EVERY == 0:
            yield from self._scores(now_ms)

    def _judge(self, sides: Sequence[Side], now_ms: int) -> Iterator[Said]:
        slots = [side.value for side in sides if side.topic == REPUTATION_SLOTS.name]
        self._watch.fold(slots, range(self._blocks, self._blocks + len(slots)))
        self._blocks += len(slots)
        verdicts = [side.value for side in self._watch.said() if side.topic == VERDICTS.name]
        yield from (Said(VERDICTS.name, value) for value in verdicts)
        self._desk.fold(verdicts, range(self._verdicts, self._verdicts + len(verdicts)))
        self._verdicts += len(verdicts)
        for decision in self._desk.made:
            yield Said(DECISIONS.name, self._codec.encode(decision))
            yield from self._outcomes(decision, now_ms)
        self._desk.cut(self._verdicts)

    def _outcomes(self, decision: Decision, now_ms: int) -> Iterator[Said]:
        if decision.mode == Mode.ACT:
            self._carry_out(decision)
        for name in decision.sources:
            outcome = Outcome.of(
                decision,
                outcome_id=digest(decision.decision_id, name),
                source=name,
                driver=self._sources[name].control.driver,
                status=OutcomeStatus.DONE if decision.mode == Mode.ACT else OutcomeStatus.SUGGESTED,
                attempt=1,
                http_status=200,
                detail="done",
                executed_at=now_ms + ANSWER_MS,
            )
            yield Said(OUTCOMES.name, self._codec.encode(outcome))

    def _scores(self, now_ms: int) -> Iterator[Said]:
        keys = narrow_first(self._ledger.changed())
        contexts = {tenant: self._context(tenant) for tenant in sorted({key.tenant for key in keys})}
        for key in keys:
            view = self._ledger.view(key)
            found = score(view, self._watch.signals(key), now_ms, contexts[key.tenant])
            yield Said(REPUTATION_SCORES.name, self._codec.encode(found))
        self._ledger.scored(keys)

    def _context(self, tenant: str) -> Context:
        try:
            return Context.of(self._ledger.view(tenant_key(tenant)))
        except KeyError:
            return ALONE


def _zeros(count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.zeros(count, np.int64)
