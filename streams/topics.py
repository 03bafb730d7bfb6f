"""The cluster's topics: `apply_topics` creates those of `schemas.topics` that are missing.

What exists is never changed, only compared and reported, so it may run at every start.
"""

from __future__ import annotations

import time

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined] # public, but not in __all__

from schemas.errors import Misconfigured, Transient
from schemas.topics import MAX_MESSAGE_BYTES, TOPICS, Topic

# For every client: a broker that is back is found within a second, and a client that missed the moment when its
# partitions had a leader again does not sit on its records for the five minutes of the default (librdkafka issue 569).
BACK_SOON = {"reconnect.backoff.max.ms": 1_000, "topic.metadata.refresh.interval.ms": 10_000}
_PAUSE_S = 0.05


def apply_topics(
    bootstrap: str, partitions: int, replication: int, *, dry_run: bool = False, timeout_s: float = 5.0
) -> list[str]:
    """Create the topics of `schemas.topics` that the cluster has not; one sentence per topic.

    What exists is left as it is: a topic with too few partitions is only reported, since more of them
    would send one recipient's events to two places. Raises Transient when no broker answers,
    Misconfigured when the cluster refuses.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})
    found = _partition_counts(admin, bootstrap, timeout_s)
    said = []
    for topic in TOPICS:
        wanted = partitions if topic.is_partitioned else 1
        if topic.name in found:
            said.append(_existing(topic, found[topic.name], wanted))
        elif dry_run:
            said.append(f"{topic.name}: would be created with {_shape(topic, wanted)}")
        else:
            said.append(_create(admin, topic, wanted, replication, timeout_s))
    if not dry_run:
        _wait_until_visible(admin, timeout_s)
    return said


def partitions_of(bootstrap: str, *topics: Topic, timeout_s: float = 5.0) -> dict[Topic, int]:
    """How many partitions the topics have. Raises Transient when no broker answers or a topic is not there yet."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})
    found = _partition_counts(admin, bootstrap, timeout_s)
    missing = [topic.name for topic in topics if topic.name not in found]
    if missing:
        raise Transient(f"the log at {bootstrap} has no topic {missing[0]}; run `mailweir topics apply`")
    return {topic: found[topic.name] for topic in topics}


def _partition_counts(admin: AdminClient, bootstrap: str, timeout_s: float) -> dict[str, int]:
    try:
        return {name: len(item.partitions) for name, item in admin.list_topics(timeout=timeout_s).topics.items()}
    except KafkaException as error:
        raise Transient(
            f"no Kafka broker answers at {bootstrap} ({text_of(error)}); start it or set MAILWEIR_KAFKA"
        ) from None


def _wait_until_visible(admin: AdminClient, timeout_s: float) -> None:
    """Kafka's answer to a creation comes before its brokers know the topic. Raises Transient."""
    deadline = time.monotonic() + timeout_s
    wanted = {topic.name for topic in TOPICS}
    while not wanted <= set(admin.list_topics(timeout=timeout_s).topics):
        if time.monotonic() > deadline:
            raise Transient("the cluster took the topics but does not list them yet; run the same again")
        time.sleep(_PAUSE_S)


def _existing(topic: Topic, found: int, wanted: int) -> str:
    if found < wanted:
        return (
            f"{topic.name}: has {found} partitions, configured are {wanted}; left as it is, because adding some"
            " would split keys: drain it, delete it and apply again"
        )
    return f"{topic.name}: exists with {_count(found)}"


def _create(admin: AdminClient, topic: Topic, partitions: int, replication: int, timeout_s: float) -> str:
    new = NewTopic(topic.name, partitions, replication, config=_config(topic, replication))
    try:
        admin.create_topics([new], operation_timeout=timeout_s)[topic.name].result(timeout_s)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:  # another apply was quicker
            return f"{topic.name}: exists"
        raise Misconfigured(
            f"{topic.name}: the cluster refuses to create it with {_count(partitions)} and replication"
            f" {replication}: {text_of(error)}; see MAILWEIR_PARTITIONS and MAILWEIR_REPLICATION"
        ) from None
    return f"{topic.name}: created with {_shape(topic, partitions)}"


def _config(topic: Topic, replication: int) -> dict[str, str]:
    config = {
        "cleanup.policy": "compact" if topic.is_compacted else "delete",
        "max.message.bytes": str(MAX_MESSAGE_BYTES),
        # With three copies one broker may be away and an acknowledged record still has two.
        "min.insync.replicas": str(max(1, replication - 1)),
    }
    if topic.retention_ms:
        config["retention.ms"] = str(topic.retention_ms)
    if topic.uncompacted_ms:
        config["min.compaction.lag.ms"] = str(topic.uncompacted_ms)
    return config


def _shape(topic: Topic, partitions: int) -> str:
    kept = "the newest record per key" if topic.is_compacted else f"{topic.retention_ms // 3_600_000} hours kept"
    return f"{_count(partitions)}, {kept}"


def _count(partitions: int) -> str:
    return f"{partitions} partition{'' if partitions == 1 else 's'}"


def text_of(error: KafkaException) -> str:
    """What librdkafka says, without the code around it."""
    return str(error.args[0].str()) if error.args else str(error)
