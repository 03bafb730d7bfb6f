"""A receiver's place in the transitions topic: a consumer in a group of its own, used from one thread.

Only what is committed is read. A group that was never there begins at the end of the topic or at its beginning, as the
webhook says, and commits that at once, so that a restart does not change it. What is read of a partition that is taken
away meanwhile is not handed out.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from typing import Any, Literal

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicPartition

from streams.lane.part import Part
from streams.lane.settings import LaneSettings
from streams.lane.silence import Silence
from streams.topics import BACK_SOON

LOG = logging.getLogger(__name__)
_POLL_S = 0.1
_STORED_S = 30.0  # for the group's positions, which a coordinator may have to load
_COMMIT_S = 0.2


class TransitionLog:
    """Fetches and commits. `begin`: where a new group starts."""

    def __init__(self, settings: LaneSettings, begin: Literal["now", "earliest"]) -> None:
        self._settings, self._begin = settings, begin
        self._consumer: Consumer | None = None
        self._fetched: list[Message] = []
        self._gone: set[int] = set()
        self._parts: dict[int, Part[None]] = {}
        self._silence = Silence(settings, lambda group: Consumer(self._config() | {"group.id": group}))
        self._positions: Mapping[int, int] = {}
        self._committed: dict[int, int] = {}
        self._guard = threading.Lock()
        self._committed_s = 0.0
        self._is_held = self._is_rejoining = False
        self.has_joined = False

    def fetch(self, most: int, positions: Mapping[int, int]) -> list[Message]:
        """At most so many records, after a tenth of a second perhaps none; nothing is read on while `most` is 0.

        `positions`: up to where each partition is settled; committed when it has changed.
        Blocks; raises KafkaException.
        """
        consumer = self._joined()
        self._positions = positions
        if time.monotonic() - self._committed_s >= _COMMIT_S:
            self._commit(consumer, positions)
        self._hold(consumer, is_held=most <= 0)
        self._fetched = []
        while len(self._fetched) < max(most, 1):
            message = consumer.poll(0 if self._fetched else _POLL_S)
            if message is None:
                break
            self._take(message)
        if not self._fetched and not self._is_held:
            is_member = self.has_joined and not self._is_rejoining
            self._silence.check(consumer, self._parts.values(), time.monotonic(), has_joined=is_member)
        return self._fetched

    def gone(self) -> set[int]:
        """The partitions that were taken away since it was asked last; of some there may be new records already."""
        with self._guard:
            gone, self._gone = self._gone, set()
        return gone

    def close(self, positions: Mapping[int, int]) -> None:
        """Commit, and leave the group."""
        if self._consumer is not None:
            self._positions = positions
            self._commit(self._consumer, positions)
            self._consumer.close()

    def _joined(self) -> Consumer:
        if self._consumer is None:
            self._consumer = Consumer(self._config())
            self._consumer.subscribe(
                [self._settings.topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked
            )
        return self._consumer

    def _config(self) -> dict[str, Any]:
        settings = self._settings
        return {
            "bootstrap.servers": settings.bootstrap,
            "log_level": 2,  # librdkafka says every lost connection on stderr otherwise
            "group.id": settings.group,
            "auto.offset.reset": "earliest",  # where the log has lost what the group had not read
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "session.timeout.ms": settings.session_timeout_ms,
            "heartbeat.interval.ms": settings.session_timeout_ms // 10,
            "partition.assignment.strategy": "cooperative-sticky",
            "queued.max.messages.kbytes": settings.fetch_kbytes,
            "fetch.wait.max.ms": 100,
            **BACK_SOON,
        }

    def _hold(self, consumer: Consumer, *, is_held: bool) -> None:
        places = [TopicPartition(self._settings.topic, number) for number in self._parts]
        if is_held:  # each time: some may be new
            consumer.pause(places)
        elif self._is_held:
            consumer.resume(places)
        self._is_held = is_held

    def _take(self, message: Message) -> None:
        error = message.error()
        part = self._parts.get(message.partition() or 0)
        if error is None and part is not None:
            part.fetched = (message.offset() or 0) + 1
            self._fetched.append(message)
        elif error is None:
            return
        elif error.fatal():
            raise KafkaException(error)
        else:
            LOG.warning("%s: the broker says %s", self._settings.group, error.name())

    def _commit(self, consumer: Consumer, positions: Mapping[int, int]) -> None:
        news = {n: upto for n, upto in positions.items() if n in self._parts and self._committed.get(n) != upto}
        if not news:
            return
        self._committed_s = time.monotonic()
        try:
            consumer.commit(
                offsets=[TopicPartition(self._settings.topic, n, upto) for n, upto in news.items()], asynchronous=False
            )
        except KafkaException as error:  # a rebalance, or the broker is away: it goes with the next one
            LOG.debug("%s: not committed (%s)", self._settings.group, error)
        else:
            self._committed.update(news)

    # -- the group; called from within a poll --------------------------------------------------------------------

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        places = consumer.committed(partitions, timeout=_STORED_S) if partitions else []
        for place in places:
            if place.error is not None:
                raise KafkaException(place.error)
        new = [place for place in places if place.offset < 0]
        if self._begin == "now" and new:
            for place in new:
                place.offset = consumer.get_watermark_offsets(place, timeout=_STORED_S)[1]
            consumer.commit(offsets=new, asynchronous=False)
        consumer.incremental_assign(
            [TopicPartition(p.topic, p.partition, p.offset if p.offset >= 0 else OFFSET_BEGINNING) for p in places]
        )
        self._parts |= {p.partition: Part(p.partition, None, fetched=p.offset, next=p.offset) for p in places}
        self.has_joined, self._is_rejoining = True, False
        LOG.info("%s: own partitions %s", self._settings.group, sorted(self._parts))

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = {place.partition for place in partitions}
        self._commit(consumer, {n: upto for n, upto in self._positions.items() if n in numbers})
        self._is_rejoining = True
        for number in numbers:
            self._parts.pop(number, None)
            self._committed.pop(number, None)
            self._silence.forget(number)
        self._positions = {n: upto for n, upto in self._positions.items() if n not in numbers}
        self._fetched = [message for message in self._fetched if message.partition() not in numbers]
        with self._guard:
            self._gone |= numbers
        consumer.incremental_unassign(partitions)
