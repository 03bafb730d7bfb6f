"""The sink: topics into tables, exactly, whatever is killed and whoever is away.

`Sink.run` keeps a `Session` going: it waits and repeats while the store or the log is away (nothing is
read meanwhile, the group membership stays), starts a new consumer when the old one cannot go on, and
ends on `stop` or on what only a person can mend.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from clickhouse_connect.driver.client import Client
from confluent_kafka import KafkaException
from prometheus_client import CollectorRegistry

from schemas.avro import Codec
from schemas.errors import Transient
from sinks.dead_letters import DeadLetters
from sinks.intents import Intents
from sinks.loader import Loader
from sinks.log import Log
from sinks.metrics import SinkMetrics
from sinks.session import Session
from sinks.settings import SinkSettings
from sinks.tables import TableSpec

_LOG = logging.getLogger(__name__)


def nothing(step: str) -> None:
    """No failpoint."""


class Sink:
    """One sink process; any number may share the group.

    `client_factory` may raise Transient, `clock` gives monotonic seconds, `at` is a failpoint: it is
    called with "announced", "inserted" and "committed" as a round gets there.
    """

    def __init__(
        self,
        *,
        log: Log,
        client_factory: Callable[[], Client],
        codec: Codec,
        dead_letters: DeadLetters,
        specs: Sequence[TableSpec],
        settings: SinkSettings,
        clock: Callable[[], float],
        registry: CollectorRegistry,
        at: Callable[[str], None] = nothing,
    ) -> None:
        self._log = log
        self._client_factory = client_factory
        self._codec = codec
        self._dead_letters = dead_letters
        self._specs = {spec.topic.name: spec for spec in specs}
        self._settings = settings
        self._clock = clock
        self._at = at
        self._stop = threading.Event()
        self._is_ready = False
        self._wait_s = settings.backoff_s
        self.metrics = SinkMetrics(registry)

    @property
    def is_ready(self) -> bool:
        """Whether the last round went through."""
        return self._is_ready

    def stop(self) -> None:
        """Let `run` flush once more and return. May be called from any thread or a signal handler."""
        self._stop.set()

    def run(self) -> None:
        """Work until `stop`. Raises Misconfigured when only a person can mend what is wrong."""
        while not self._stop.is_set():
            try:
                client = self._client_factory()
            except Transient as error:
                self._put_off(error)
                self._stop.wait(self._wait_s)
                continue
            try:
                self._serve(client)
            except (Transient, KafkaException) as error:  # the consumer cannot go on: take a new one
                self._put_off(error)
                self._stop.wait(self._wait_s)
            finally:
                self._ready(is_ready=False)
                client.close()

    def _serve(self, client: Client) -> None:
        session = self._session(client)
        try:
            while not self._stop.is_set():
                session.collect(self._stop.is_set)
                try:
                    self._flush(session)
                except Transient as error:
                    self._put_off(error)
                    session.wait(self._wait_s, self._stop.is_set)
            _LOG.info("sink: stopping")
        finally:
            session.close()

    def _flush(self, session: Session) -> None:
        with self.metrics.flush_seconds.time():
            session.flush()
        self._wait_s = self._settings.backoff_s
        self._ready(is_ready=True)

    def _put_off(self, error: Exception) -> None:
        """Say it once per outage, count it always, wait longer each time."""
        level = logging.WARNING if self._is_ready or self._wait_s == self._settings.backoff_s else logging.DEBUG
        _LOG.log(level, "sink: waiting: %s", error)
        self.metrics.retries.inc()
        self._ready(is_ready=False)
        self._wait_s = min(self._wait_s * 2, self._settings.max_backoff_s)

    def _ready(self, *, is_ready: bool) -> None:
        self._is_ready = is_ready
        self.metrics.ready.set(is_ready)

    def _session(self, client: Client) -> Session:
        return Session(
            log=self._log,
            consumer=self._log.consumer(),
            specs=self._specs,
            intents=Intents(client, self._settings.writer),
            loader=Loader(client, self._codec),
            dead_letters=self._dead_letters,
            settings=self._settings,
            metrics=self.metrics,
            clock=self._clock,
            at=self._at,
        )
