"""The sink's knobs, with the reason for each bound."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkSettings:
    """One sink process. `group`: its Kafka consumer group; `writer` names the process in `sink_batches`.

    A round ends after `flush_s` seconds, `max_records` or `max_bytes`, whichever comes first. One that has
    `busy_records` by then is held open up to `busy_flush_s`: few large inserts cost half of many small ones.
    """

    group: str = "mailweir-sink"
    writer: str = "sink"
    flush_s: float = 0.5  # half of it is the mean wait of a row; each round costs one intent insert
    busy_records: int = 5_000  # a stream that brings this in flush_s is a full one
    busy_flush_s: float = 2.0  # below the three seconds in which an event shall be queryable
    max_records: int = 60_000  # beyond it an insert gains little (docs/decisions/0010-large-inserts.md)
    max_bytes: int = 32 * 1024 * 1024  # memory of one round, some three times this while sent; the store takes 64 MiB
    inserts_at_once: int = 4  # of different partitions; each holds its share of max_bytes
    idle_commit_s: float = 5.0  # clock records alone are committed this often
    backoff_s: float = 0.2  # first wait when the store or the log is away, doubled up to ...
    max_backoff_s: float = 5.0  # ... this: how late the sink may notice that the store is back
