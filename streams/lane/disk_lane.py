"""A lane whose states keep their rows on disk: takes over by opening a folder and reading the log's tail.

What `changelog.py` promises holds here too, for the log is written in the same way and stays the truth.
The folder follows it: a flush lands on disk after its transaction is committed, so a crash in between
costs some more of the tail and nothing else. See `disk.py` for what is in a folder and when it is trusted.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from streams.core.changes import Cut
from streams.lane.changelog import PartitionState, StatefulLane
from streams.lane.disk import DiskRows
from streams.lane.part import Part

_ASK_S = 30.0
_PAUSE_S = 0.1


class DiskState(PartitionState, Protocol):
    """The state of one input partition, with its rows on disk.

    `restore` gives the records to `kept`, perhaps none: `start` is then told the marker that `kept` holds.
    """

    @property
    def kept(self) -> DiskRows:
        """Its rows."""


State = TypeVar("State", bound=DiskState)


class DiskLane(StatefulLane[State], Generic[State]):
    """A `StatefulLane`; `new_state(partition)` opens the partition's folder. Raises Transient where that fails."""

    def _write(self, part: Part[State], cut: Cut) -> None:
        changelog_next = self._append(part, cut)
        part.state.kept.settle(cut.marker, changelog_next)

    async def release(self, parts: list[Part[State]]) -> None:
        """As for every lane; the folders are then free for the next owner."""
        try:
            await super().release(parts)
        finally:
            await self._close(parts)

    async def abandon(self, parts: list[Part[State]]) -> None:
        """As for every lane; the folders are then free for the next owner."""
        await super().abandon(parts)
        await self._close(parts)

    async def _close(self, parts: list[Part[State]]) -> None:
        for part in parts:
            async with part.lock:
                await asyncio.to_thread(part.state.kept.close)

    def _restore(self, numbers: Sequence[int]) -> dict[int, Part[State]]:
        states = {number: self._new_state(number) for number in numbers}
        log_id = topic_id(self.settings.bootstrap, self.changelog)
        starts = {number: state.kept.begin(log_id).changelog_next for number, state in states.items()}
        try:
            markers, ends = self._read_back(states, {number: start for number, start in starts.items() if start})
        except KafkaException as error:
            if error.args[0].code() != KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001 - librdkafka's public code
                raise
            return self._restore_anew(states)
        return {n: self._began(n, state, markers.get(n), ends.get(n, starts[n])) for n, state in states.items()}

    def _restore_anew(self, states: dict[int, State]) -> dict[int, Part[State]]:
        """Without the folders: at least one is beyond the end of a log that has lost records."""
        for state in states.values():
            state.kept.anew("the changelog ends before what one of these folders holds")
            state.kept.close()
        return self._restore(list(states))

    def _began(self, number: int, state: State, marker: bytes | None, changelog_next: int) -> Part[State]:
        state.kept.restored(marker, changelog_next)
        return self._begin(number, state, state.kept.stand.marker)


def topic_id(bootstrap: str, topic: str) -> str:
    """The identity of a topic: another one when it was deleted and made anew. Raises KafkaException."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})
    deadline = time.monotonic() + _ASK_S
    while True:
        try:
            return str(admin.describe_topics(TopicCollection([topic]))[topic].result(_ASK_S).topic_id)
        except KafkaException as error:  # a new topic is not known to every broker at once
            if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART or time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_S)
