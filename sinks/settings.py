"""The sink's knobs, with the reason for each bound."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkSettings:
    """One sink process. `group`: its Kafka consumer group; `writer` names the process in `sink_batches`.

    A round ends after `flush_s` seconds, `max_records` or `max_bytes`, whichever comes first.
    """

    group: str = "mailweir-sink"
    writer: str = "sink"
    flush_s: float = 0.5  # half of it is the mean wait of a row; each round costs one intent insert
    max_records: int = 20_000  # beyond it an insert gains nothing (docs/decisions/0004-avro-inserts.md)
    max_bytes: int = 16 * 1024 * 1024  # memory of one round; some three times this while it is sent
    inserts_at_once: int = 4  # of different partitions; each holds its share of max_bytes
    idle_commit_s: float = 5.0  # clock records alone are committed this often
    backoff_s: float = 0.2  # first wait when the store or the log is away, doubled up to ...
    max_backoff_s: float = 5.0  # ... this: how late the sink may notice that the store is back
