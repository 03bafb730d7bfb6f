"""Appends records again, some hundred at a time, and then the entries that tell of them.

First the records, then, once the broker has them all, the entries: a process that is killed in between leaves records
of which nothing is told, and the next replay appends them again, which changes nothing. A transaction over both would
be exact, but readers of the topic see nothing behind one that is open, and who is killed leaves one open: for seconds
on Kafka, on Tansu for good. Live traffic must not wait for a replay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from schemas.avro import Codec
from schemas.replays import HEADER, Replay
from schemas.topics import REPLAYS
from streams.kafka import LogProducer, Record

_ACK_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """One record to append again, and its entries, one for each letter. `partition` -1: anywhere."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes
    entries: tuple[Replay, ...]


class LogWriter:
    """For one thread; connects at once."""

    def __init__(self, bootstrap: str, codec: Codec) -> None:
        self._codec = codec
        self._log = LogProducer(bootstrap, ack_timeout_s=_ACK_S)

    def append(self, replay_id: str, records: Sequence[Appended], more: Sequence[Replay] = ()) -> None:
        """All records, then their entries with where they lie now, and `more` entries.

        Returns once the broker has everything. Raises Transient, Permanent (larger than the log takes); some of it
        may be in the log then, and may be appended again.
        """
        headers = [(HEADER, replay_id.encode())]
        places = self._log.produce_all(
            [Record(each.topic, each.value, each.key, each.partition, headers) for each in records]
        )
        entries = [
            replace(entry, again_partition=partition, again_offset=offset)
            for each, (partition, offset) in zip(records, places, strict=True)
            for entry in each.entries
        ]
        self._log.produce_all([self._record(entry) for entry in (*entries, *more)])

    def close(self) -> None:
        """Give the connection back."""
        self._log.close(1.0)

    def _record(self, entry: Replay) -> Record:
        key = entry.dead_letter_id or entry.replay_id
        return Record(REPLAYS.name, self._codec.encode(entry), key.encode())
