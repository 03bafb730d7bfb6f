"""The list's topic: reading all of it into a book, and what the book says as records for it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

from confluent_kafka import Consumer, Message

from schemas.avro import Codec
from schemas.errors import Misconfigured, Permanent
from schemas.suppressions import FailingDays, Suppression
from schemas.topics import SUPPRESSIONS
from streams.core.suppression.book import Book, Written, record_key
from streams.kafka import Record
from streams.lane.changelog import read_batches_to_end
from streams.topics import BACK_SOON

LOG = logging.getLogger(__name__)


def records_of(written: Iterable[Written], codec: Codec) -> list[Record]:
    """Records that say this."""
    return [Record(SUPPRESSIONS.name, codec.encode(item), record_key(item)) for item in written]


def reader_of(bootstrap: str) -> Consumer:
    """A consumer for the whole topic, without a position of its own."""
    return Consumer(
        {
            "bootstrap.servers": bootstrap,
            "log_level": 2,
            "group.id": "mailweir-suppression-reader",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 20,
            "fetch.queue.backoff.ms": 10,
            **BACK_SOON,
        }
    )


def batches_to_end(reader: Consumer) -> Iterator[list[Message]]:
    """Everything up to the present end. Raises KafkaException."""
    return read_batches_to_end(reader, SUPPRESSIONS.name, [0])


def read_into(book: Book, messages: Iterable[Message], codec: Codec, limit: int) -> dict[bytes, Written | None]:
    """Take records of the log in; by key, what should stand there instead, None where the last record is right.

    Raises Misconfigured when there are more than `limit` recipients: a list with gaps would be worse than none.
    """
    verdicts: dict[bytes, Written | None] = {}
    for message in messages:
        value = message.value()
        if message.error() is not None or value is None:
            continue
        try:
            record = _decode(value, codec)
        except Permanent as error:
            LOG.error("suppression at offset %d left out: %s", message.offset(), error)  # noqa: TRY400 - no trace of ours
            continue
        verdicts[record_key(record)] = book.read(record)
    check_size(book, limit)
    return verdicts


def _decode(value: bytes, codec: Codec) -> Written:
    if codec.version_of(value).record is FailingDays:
        return codec.decode(value, FailingDays)
    return codec.decode(value, Suppression)


def check_size(book: Book, limit: int) -> None:
    """Raises Misconfigured when the book holds more than `limit` recipients."""
    if len(book) > limit:
        raise Misconfigured(
            f"the suppression list has more than {limit} recipients; raise MAILWEIR_SUPPRESSION_ENTRIES and see that"
            " the machine has the memory (docs/suppression.md says how much)"
        )


def read_book(bootstrap: str, codec: Codec, limit: int) -> Book:
    """The list as it is now, for commands. Raises KafkaException, Misconfigured."""
    book, reader = Book(), reader_of(bootstrap)
    try:
        for messages in batches_to_end(reader):
            read_into(book, messages, codec, limit)
    finally:
        reader.close()
    return book
