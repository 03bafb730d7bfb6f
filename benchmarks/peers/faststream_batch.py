"""FastStream with `batch=True`: the handler gets lists and keeps a dict; nothing is durable."""

from __future__ import annotations

import asyncio
from collections import Counter

from faststream import FastStream
from faststream.kafka import KafkaBroker, KafkaMessage

from benchmarks.peers.job import MINUTE_MS, SESSION_MS, Meter, arguments, decoder, tell


def main() -> None:
    """Count everything."""
    given, decode, counts = arguments(), decoder(), Counter[tuple[str, str, int]]()
    broker = KafkaBroker(given.broker, logger=None)  # it writes a line per message otherwise
    app = FastStream(broker)
    meter, measured = Meter(given.events), list[dict[str, float]]()

    @broker.subscriber(
        given.topic,
        batch=True,
        max_records=10_000,
        batch_timeout_ms=100,
        group_id=given.group,
        auto_offset_reset="earliest",
        session_timeout_ms=SESSION_MS,
        rebalance_timeout_ms=SESSION_MS,
        heartbeat_interval_ms=SESSION_MS // 6,
    )
    async def handle(message: KafkaMessage) -> None:
        meter.start()
        for record in message.raw_message:
            event = decode(record.value)
            counts[event["sending_ip"], event["mailbox_provider"], event["occurred_at"] // MINUTE_MS] += 1
        if meter.add(len(message.raw_message)):
            measured.append(meter.stop())
            app.exit()

    asyncio.run(app.run())
    tell(measured[0], counts)


if __name__ == "__main__":
    main()
