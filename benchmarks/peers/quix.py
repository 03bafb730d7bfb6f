"""Quix Streams: a tumbling window of a minute with `count().current()`, state in RocksDB with its changelog.

The window's key is set in place, so that state stays on the source partition: the documented `group_by`
goes through a topic of its own and is slower.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from typing import Any

from quixstreams import Application, message_context
from quixstreams.models import Deserializer
from quixstreams.models.topics import TopicManager

from benchmarks.peers.job import MINUTE_MS, SESSION_MS, Meter, arguments, decoder, tell


class ThreeFields(Deserializer):
    """A topic value as a dict of the three fields."""

    def __init__(self) -> None:
        super().__init__()
        self._decode = decoder()

    def __call__(self, value: bytes, ctx: Any) -> dict[str, Any]:  # noqa: ARG002 - the engine's signature
        return self._decode(value)


def main() -> None:
    """Count everything."""
    _accept_brokers_that_report_no_retention()
    given = arguments()
    app = Application(
        broker_address=given.broker,
        consumer_group=given.group,
        auto_offset_reset="earliest",
        state_dir=tempfile.mkdtemp(),
        loglevel="WARNING",
        commit_interval=1.0,
        consumer_extra_config={"session.timeout.ms": SESSION_MS, "heartbeat.interval.ms": SESSION_MS // 6},
        producer_extra_config={"compression.type": "lz4", "linger.ms": 20},
    )
    topic = app.topic(
        given.topic,
        value_deserializer=ThreeFields(),
        key_deserializer="bytes",
        timestamp_extractor=lambda value, *_: value["occurred_at"],
    )
    meter, counts = Meter(given.events), dict[tuple[int, str, int], int]()

    def first(_: dict[str, Any]) -> None:
        meter.start()

    def keep(window: dict[str, int], key: Any, *_: Any) -> None:
        text = key if isinstance(key, str) else key.decode()
        counts[message_context().partition, text, window["start"] // MINUTE_MS] = window["value"]
        if meter.add():
            app.stop()

    events = app.dataframe(topic).update(first)
    keyed = events.stream.add_transform(
        lambda value, _, at, headers: (value, f"{value['sending_ip']}|{value['mailbox_provider']}", at, headers)
    )
    frame = events.__dataframe_clone__(stream=keyed)
    windows = frame.tumbling_window(dt.timedelta(minutes=1), grace_ms=dt.timedelta(minutes=30)).count().current()
    windows.update(keep, metadata=True)
    measured: list[dict[str, float]] = []
    stop = app.stop

    def stop_and_measure(*args: Any, **options: Any) -> None:
        measured.append(meter.stop())
        stop(*args, **options)

    app.stop = stop_and_measure
    app.run()
    tell(measured[0], _merged(counts))


def _merged(counts: dict[tuple[int, str, int], int]) -> dict[tuple[str, str, int], int]:
    found: dict[tuple[str, str, int], int] = {}
    for (_, text, minute), count in counts.items():
        ip, _, provider = text.partition("|")
        found[ip, provider, minute] = found.get((ip, provider, minute), 0) + count
    return found


def _accept_brokers_that_report_no_retention() -> None:
    """The local broker describes no `retention.ms`, which the engine takes for granted."""
    derive = TopicManager.derive_topic_config.__func__

    def patient(cls: Any, topics: Any) -> Any:
        found = list(topics)
        for topic in found:
            topic.broker_config.extra_config.setdefault("retention.ms", "-1")
        return derive(cls, found)

    TopicManager.derive_topic_config = classmethod(patient)


if __name__ == "__main__":
    main()
