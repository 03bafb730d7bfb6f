"""What the stream counts of refusals is what SQL counts over the stored events, by campaign and by address."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise

import pytest
from clickhouse_connect.driver.client import Client

from schemas.aggregates import ReputationPartial
from schemas.avro import Codec
from schemas.events import BounceReason, EmailEvent, EventType
from sinks.clickhouse import connect
from sinks.migrate import apply_tables
from streams.commands import stored_events
from streams.core.partials import PartitionCounts
from streams.lane.guard import apart
from tests.integration.backtest_cases import T0, event, store_records

CODEC = Codec()
COUNTED = ("deferred_reputation", "bounced_block", "refused_listed", "refused_auth")
OF_SENDER = "('blocked_ip', 'blocked_domain', 'auth_failure', 'rate_limited', 'policy')"
OF_CONTENT = "('spam_content', 'content_rejected')"
BY_EVENTS = f"""
WITH
    event_type = 'bounced' AND bounce_reason IN {OF_SENDER} AS is_blocked,
    event_type = 'deferred' AND (bounce_reason IN {OF_SENDER} OR bounce_reason IN {OF_CONTENT}) AS is_put_off,
    is_blocked OR is_put_off AS is_refused
SELECT
    {{column:Identifier}} AS key,
    countIf(is_put_off),
    countIf(is_blocked),
    countIf(is_refused AND bounce_blocklist != ''),
    countIf(is_refused AND bounce_blocklist = '' AND bounce_reason = 'auth_failure')
FROM events
WHERE key != ''
GROUP BY key
ORDER BY key
"""
BY_PARTIALS = f"""
SELECT key, {", ".join(f"sum({name})" for name in COUNTED)}
FROM partials WHERE kind = {{kind:String}} GROUP BY key ORDER BY key
"""
Rows = list[tuple[str, int, int, int, int]]


def mail(seed: int, size: int = 3_000) -> list[EmailEvent]:
    """Events of every type and reason, a third of them naming a list, of which a few senders repeat."""
    dice = random.Random(seed)
    found = [
        event(
            number,
            T0 + dice.randrange(20 * 60_000),
            event_type=dice.choice((EventType.BOUNCED, EventType.DEFERRED, dice.choice(list(EventType)))),
            bounce_reason=dice.choice(("", *BounceReason)),
            bounce_permanence=dice.choice(("permanent", "transient", "")),
            bounce_blocklist=dice.choice(("", "", "zen.spamhaus.org", "sorbs")),
            campaign_id=dice.choice(("spring", "winter", "")),
            sending_ip=dice.choice(("192.0.2.1", "192.0.2.2")),
        )
        for number in range(size)
    ]
    return sorted(found, key=lambda item: item.received_at)


def counted(values: list[bytes], partitions: int, dice: random.Random) -> list[ReputationPartial]:
    """The newest row of each key, by partition, whatever was flushed when; some records come twice."""
    rows: dict[tuple[int, bytes], bytes | None] = {}
    for number in range(partitions):
        mine = [value for place, value in enumerate(values) if place % partitions == number]
        mine += dice.sample(mine, len(mine) // 10)
        counts = PartitionCounts(number, CODEC, apart)
        for begin, end in pairwise([0, *sorted(dice.sample(range(1, len(mine)), 9)), len(mine)]):
            counts.fold(list(mine[begin:end]), range(begin, end))
            rows.update({(number, key): value for key, value in counts.cut(end).rows if not key.startswith(b"\x00")})
    return [CODEC.decode(value, ReputationPartial) for value in rows.values() if value]


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    client = connect(f"chdb://{tmp_path_factory.mktemp('counts')}")
    apply_tables(client)
    yield client
    client.close()


def by_events(store: Client, column: str) -> Rows:
    return [(*row,) for row in store.query(BY_EVENTS, parameters={"column": column}).result_rows]


def by_partials(store: Client, kind: str) -> Rows:
    return [(*row,) for row in store.query(BY_PARTIALS, parameters={"kind": kind}).result_rows]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_refusals_and_what_they_say_are_counted_as_sql_counts_them(store: Client, seed: int) -> None:
    events, dice = mail(seed), random.Random(seed)
    store_records(store, events)
    partials = counted([CODEC.encode(item) for item in events], 3, dice)
    store_records(store, partials)
    for kind, column in (("campaign", "campaign_id"), ("ip", "sending_ip"), ("tenant", "tenant")):
        found = by_partials(store, kind)
        assert found == by_events(store, column)
        assert all(0 < listed + auth < put_off + blocked for _, put_off, blocked, listed, auth in found)


def test_events_read_back_from_the_store_are_counted_alike(store: Client) -> None:
    events, dice = mail(4), random.Random(4)
    store_records(store, events)
    window = stored_events.Window(T0, T0 + 30 * 60_000)
    [stretch] = stored_events.stretches(store, window)
    store_records(store, counted(stored_events.values(store, stretch, window, CODEC), 2, dice))
    assert by_partials(store, "campaign") == by_events(store, "campaign_id")
