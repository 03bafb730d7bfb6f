"""Where the sink's refusals go: dead letters into their topic, acknowledged before anything is committed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from confluent_kafka import KafkaException, Message, Producer

from schemas.avro import Codec
from schemas.errors import Transient
from schemas.failures import DeadLetter, Stage
from schemas.identity import digest
from schemas.topics import DEAD_LETTERS
from sinks.batches import Partition
from sinks.loader import Refusal

ACK_TIMEOUT_S = 10.0


class DeadLetters(Protocol):
    """Keeps dead letters."""

    def write(self, letters: Sequence[DeadLetter]) -> None:
        """Returns once every letter is safe; may block for seconds. Raises Transient if one is not.

        The same letter may come again after a crash; its id says so.
        """


class KafkaDeadLetters:
    """Writes to the dead-letters topic through a confluent-kafka producer with acks=all."""

    def __init__(self, producer: Producer, codec: Codec, topic: str = DEAD_LETTERS.name) -> None:
        self._producer = producer
        self._codec = codec
        self._topic = topic

    def write(self, letters: Sequence[DeadLetter]) -> None:
        """See DeadLetters."""
        errors: list[str] = []

        def delivered(error: object, _: Message) -> None:
            if error is not None:
                errors.append(str(error))

        try:
            for letter in letters:
                self._producer.produce(
                    self._topic,
                    self._codec.encode(letter),
                    key=letter.dead_letter_id.encode(),
                    on_delivery=delivered,
                )
            left = self._producer.flush(ACK_TIMEOUT_S)
        except (KafkaException, BufferError) as error:
            raise Transient(f"{self._topic}: cannot write dead letters: {error}") from error
        if left or errors:
            raise Transient(f"{self._topic}: {left + len(errors)} dead letters not acknowledged {errors[:1]}")


def letter_of(partition: Partition, refusal: Refusal) -> DeadLetter:
    """The dead letter of one refused record; equal for equal input."""
    entry = refusal.entry
    return DeadLetter(
        dead_letter_id=digest(Stage.SINK, partition.topic, partition.number, entry.offset, entry.timestamp),
        stage=Stage.SINK,
        code=refusal.code,
        reason=refusal.reason[:500],
        tenant="",
        source="",
        provider="",
        received_at=entry.timestamp,
        origin_topic=partition.topic,
        origin_partition=partition.number,
        origin_offset=entry.offset,
        item_index=-1,
        original=entry.value or b"",
    )
