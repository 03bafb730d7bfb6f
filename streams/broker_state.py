"""Whether the log can take records: what librdkafka tells its producer about brokers, producer ids and errors.

Told by callbacks on the producer's poll thread, read by any thread. Method: librdkafka's STATISTICS.md (`eos`,
`brokers`) and INTRODUCTION.md (idempotent producer, fatal errors).
"""

from __future__ import annotations

import logging
import threading
import time

import msgspec
from confluent_kafka import KafkaError

LOG = logging.getLogger(__name__)
STATS_MS = 250  # how soon a new connection or producer id is noticed
_DOWN_AFTER_S = 3.0  # an idle connection that the broker closes is back within a second
_FUTILE_EPOCHS = 20  # librdkafka bumps its epoch once per refused batch, ten times a second


class _BrokerStats(msgspec.Struct):
    state: str = ""


class _IdempotenceStats(msgspec.Struct):
    idemp_state: str = ""
    producer_epoch: int = -1


class _Stats(msgspec.Struct):
    """The two parts of librdkafka's statistics that say whether records can be sent."""

    brokers: dict[str, _BrokerStats] = {}
    eos: _IdempotenceStats = msgspec.field(default_factory=_IdempotenceStats)


class BrokerState:
    """What is known of the log at `bootstrap`, for one producer and those that replace it.

    `has_id`: there is a producer id, without which a first send waits. `is_futile`: this instance will never send
    again, a new one must. `last_error`: what is or was last wrong, for people; "" if nothing ever was.
    """

    def __init__(self, bootstrap: str) -> None:
        self.has_id = threading.Event()
        self.is_futile = False
        self.last_error = "not connected yet"
        self._bootstrap = bootstrap
        self._down_since: float | None = time.monotonic() - _DOWN_AFTER_S
        self._has_acked = False
        self._acked_epoch = 0

    def is_up(self) -> bool:
        """False while records cannot be sent: no broker for some seconds, or no producer id yet."""
        down = self._down_since is not None and time.monotonic() - self._down_since >= _DOWN_AFTER_S
        return self.has_id.is_set() and not down

    def acknowledged(self) -> None:
        """The broker has acknowledged something: this producer's id is good."""
        self._has_acked = True

    def ended(self, error: str) -> None:
        """The instance will never send again, because of `error`."""
        self.last_error, self.is_futile = error, True

    def renewed(self) -> None:
        """A new instance has taken over; it needs an id of its own."""
        self.has_id.clear()
        self._acked_epoch, self.is_futile = 0, False

    def on_error(self, error: KafkaError) -> None:
        """librdkafka's `error_cb`."""
        self.last_error = error.str()

    def on_stats(self, text: str) -> None:
        """librdkafka's `stats_cb`."""
        stats = msgspec.json.decode(text, type=_Stats)
        if stats.eos.idemp_state == "Assigned":
            self.has_id.set()
        if self._has_acked:
            self._has_acked, self._acked_epoch = False, stats.eos.producer_epoch
        elif stats.eos.producer_epoch - self._acked_epoch > _FUTILE_EPOCHS:
            self.ended("the broker refuses every batch of this producer id")
        is_up = any(broker.state == "UP" for broker in stats.brokers.values())
        if is_up and self._down_since is not None:
            self._down_since = None
            LOG.info("connected to the log at %s", self._bootstrap)
        elif not is_up and self._down_since is None:
            self._down_since = time.monotonic()
            LOG.warning("lost the log at %s: %s", self._bootstrap, self.last_error)
