"""No engine: aiokafka's getmany, fastavro and a dict. Keeps no durable state and commits nothing."""

from __future__ import annotations

import asyncio
from collections import Counter

from aiokafka import AIOKafkaConsumer

from benchmarks.peers.job import MINUTE_MS, SESSION_MS, Meter, arguments, decoder, tell


async def main() -> None:
    """Count everything."""
    given, decode, counts = arguments(), decoder(), Counter[tuple[str, str, int]]()
    consumer = AIOKafkaConsumer(
        given.topic,
        bootstrap_servers=given.broker,
        group_id=given.group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        session_timeout_ms=SESSION_MS,
        rebalance_timeout_ms=SESSION_MS,
        heartbeat_interval_ms=SESSION_MS // 6,
        max_partition_fetch_bytes=4 << 20,
    )
    await consumer.start()
    meter, is_done = Meter(given.events), False
    while not is_done:
        found = await consumer.getmany(timeout_ms=100, max_records=10_000)
        for messages in found.values():
            meter.start()
            for message in messages:
                event = decode(message.value)
                counts[event["sending_ip"], event["mailbox_provider"], event["occurred_at"] // MINUTE_MS] += 1
            is_done = meter.add(len(messages)) or is_done
    measured = meter.stop()
    await consumer.stop()
    tell(measured, counts)


if __name__ == "__main__":
    asyncio.run(main())
