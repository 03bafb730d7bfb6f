"""A consumer can fall silent for good: about a partition while it gives records of others, or about its group.

Asked when nothing that was fetched is left to read. What is silent twice in a row, though another consumer is given
records, raises, and the process ends and starts anew; once may be a record that has only just arrived.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from streams.lane.part import Part
from streams.lane.settings import LaneSettings

log = logging.getLogger(__name__)

_SILENT_S = 15.0  # that a partition or the group gives nothing, before the log is asked
_ASK_S = 5.0  # for the answer
_LONELY_LOOKS = 4  # a minute without a word from a group whose broker answers


class _Stand(NamedTuple):
    """How far a partition is read since when, and whether the log had more when it was last asked."""

    part: Part[Any]
    fetched: int
    since_s: float
    is_suspect: bool


class Silence:
    """What is remembered between two looks. `make_probe`: a consumer of another group, by its name."""

    def __init__(self, settings: LaneSettings, make_probe: Callable[[str], Consumer]) -> None:
        self._topic, self._group, self._make_probe = settings.topic, settings.group, make_probe
        self._stands: dict[int, _Stand] = {}
        self._lonely_looks, self._looked_s = 0, time.monotonic()

    def __len__(self) -> int:
        return len(self._stands)

    def forget(self, number: int) -> None:
        """The partition is not ours any more; what is remembered of it holds its state."""
        self._stands.pop(number, None)

    def check(self, consumer: Consumer, parts: Iterable[Part[Any]], now: float, *, has_joined: bool) -> None:
        """Look at `now` (monotonic). Raises KafkaException for what stays silent."""
        if has_joined:
            self._lonely_looks, self._looked_s = 0, now
        else:
            self._look_for_group(consumer, now)
        for part in list(parts):
            stand = self._stands.get(part.number)
            if stand is None or stand.part is not part or stand.fetched != part.fetched:
                self._stands[part.number] = _Stand(part, part.fetched, now, is_suspect=False)
            elif now - stand.since_s >= _SILENT_S:
                is_silent = self._has_more(consumer, part)
                if is_silent:
                    log.warning("partition %d has records from %d on, none came", part.number, part.fetched)
                if is_silent and stand.is_suspect:
                    raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - librdkafka's public code
                self._stands[part.number] = _Stand(part, part.fetched, now, is_silent)
                return  # one at a time: a log that is away takes seconds not to answer

    def _look_for_group(self, consumer: Consumer, now: float) -> None:
        """A join can get lost in a coordinator: see that it ends some day."""
        if now - self._looked_s < _SILENT_S:
            return
        self._looked_s = now
        try:
            consumer.list_topics(self._topic, _ASK_S)
        except KafkaException as error:  # the broker is away: its return comes first
            log.warning("%s: the log does not answer (%s)", self._topic, error.args[0].name())
            self._lonely_looks = 0
            return
        self._lonely_looks += 1
        log.warning("%s: the group %s has not answered yet", self._topic, self._group)
        if self._lonely_looks >= _LONELY_LOOKS:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - librdkafka's public code

    def _has_more(self, consumer: Consumer, part: Part[Any]) -> bool:
        place = TopicPartition(self._topic, part.number, part.fetched)
        try:
            if part.fetched < 0:
                place.offset = max(consumer.committed([place], _ASK_S)[0].offset, 0)
            if consumer.get_watermark_offsets(place, _ASK_S)[1] <= place.offset:
                return False
            return self._can_read(place)
        except KafkaException as error:  # the broker is away: its return comes first
            log.warning("%s: the log does not answer (%s)", self._topic, error.args[0].name())
            return False

    def _can_read(self, place: TopicPartition) -> bool:
        """Whether a consumer that has nothing to do with the group is given a record there."""
        probe = self._make_probe(f"{self._group}-probe")
        try:
            probe.assign([place])
            return any(message.error() is None for message in probe.consume(1, _ASK_S))
        finally:
            probe.close()
