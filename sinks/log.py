"""The sink's side of Kafka: its consumer's settings and the ids of topics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from confluent_kafka import Consumer, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from schemas.errors import Transient

LOOKUP_TIMEOUT_S = 10.0


class Log(Protocol):
    """What the sink reads from."""

    def consumer(self) -> Consumer:
        """A new consumer of the sink's group, not subscribed yet. Commits are the caller's."""

    def topic_ids(self, topics: Sequence[str]) -> dict[str, str]:
        """The id of each topic: a topic that is made again has another. Blocks; raises Transient."""


class KafkaLog:
    """A Kafka cluster."""

    def __init__(self, bootstrap: str, group: str, session_timeout_ms: int) -> None:
        self._bootstrap = bootstrap
        self._group = group
        self._session_timeout_ms = session_timeout_ms

    def consumer(self) -> Consumer:
        """See Log."""
        return Consumer({
            "bootstrap.servers": self._bootstrap,
            "log_level": 2,  # librdkafka says every lost connection on stderr otherwise
            "group.id": self._group,
            "client.id": "mailweir-sink",
            "session.timeout.ms": self._session_timeout_ms,
            "heartbeat.interval.ms": self._session_timeout_ms // 4,
            "max.poll.interval.ms": 600_000,  # a round that halves refused batches may take minutes
            "partition.assignment.strategy": "range",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,  # a batch may end in a hole; only the log's end then says so
            # Partials are written in transactions, but they are absolute counts of input that is in the
            # log for good: true even when the transaction is aborted. So nothing has to wait for commits.
            "isolation.level": "read_uncommitted",
            "fetch.queue.backoff.ms": 10,  # the default second leaves a catching-up consumer idle
            "queued.max.messages.kbytes": 16_384,  # per partition read ahead
            "fetch.wait.max.ms": 100,
        })  # fmt: skip

    def topic_ids(self, topics: Sequence[str]) -> dict[str, str]:
        """See Log."""
        try:
            admin = AdminClient({"bootstrap.servers": self._bootstrap, "client.id": "mailweir-sink"})
            found = admin.describe_topics(TopicCollection(list(topics)), request_timeout=LOOKUP_TIMEOUT_S)
            return {name: str(future.result(LOOKUP_TIMEOUT_S).topic_id) for name, future in found.items()}
        except (KafkaException, TimeoutError) as error:
            raise Transient(f"{self._bootstrap}: cannot describe the topics: {error}") from error
