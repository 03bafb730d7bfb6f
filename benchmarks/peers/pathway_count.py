"""Pathway: a Kafka table, a Python function that decodes, `groupby().reduce(count)`; persistence is not switched on."""

from __future__ import annotations

import os
import threading
from typing import Any

import pathway as pw

from benchmarks.peers.job import MINUTE_MS, SESSION_MS, Meter, arguments, decoder, tell


def main() -> None:
    """Count everything."""
    given, decode = arguments(), decoder()
    meter, done = Meter(given.events), threading.Event()
    totals: dict[str, int] = {}

    def key_of(value: bytes) -> str:
        meter.start()
        event = decode(value)
        return f"{event['sending_ip']}|{event['mailbox_provider']}|{event['occurred_at'] // MINUTE_MS}"

    def keep(key: Any, row: dict[str, Any], time: int, is_addition: bool) -> None:  # noqa: ARG001, FBT001
        if is_addition:
            more = row["n"] - totals.get(row["key"], 0)
            totals[row["key"]] = row["n"]
            if meter.add(more):
                done.set()

    settings = {
        "bootstrap.servers": given.broker,
        "group.id": given.group,
        "auto.offset.reset": "earliest",
        "session.timeout.ms": str(SESSION_MS),
    }
    table = pw.io.kafka.read(settings, topic=given.topic, format="raw", autocommit_duration_ms=1_000)
    keyed = table.select(key=pw.apply_with_type(key_of, str, pw.this.data))
    pw.io.subscribe(keyed.groupby(pw.this.key).reduce(pw.this.key, n=pw.reducers.count()), on_change=keep)

    def finish() -> None:
        done.wait()
        measured = meter.stop()
        tell(measured, {_split(key): count for key, count in totals.items()})
        os._exit(0)  # the engine would wait for more

    threading.Thread(target=finish, daemon=True).start()
    pw.run(monitoring_level=pw.MonitoringLevel.NONE)


def _split(key: str) -> tuple[str, str, int]:
    ip, provider, minute = key.split("|")
    return ip, provider, int(minute)


if __name__ == "__main__":
    main()
