"""Sizes of segments out of `segment_changes` are those of the transitions themselves, however often each is stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from dashboards.queries import query
from schemas.avro import Codec
from schemas.transitions import RULE, SegmentTransition, transition_id
from sinks.batches import Batch, Bounds, Entry, Partition
from sinks.clickhouse import connect
from sinks.loader import Loader
from sinks.migrate import apply_tables
from sinks.tables import segment_transitions
from tests.integration.backtest_cases import store_records

T0 = 1_774_569_600_000
DAY = 86_400_000
SPAN = 40 * DAY
MEMBERS = """
SELECT tenant, segment_id, recipient_key, rule_version, effective_at AS since, cause
FROM
(
    SELECT * FROM segment_transitions FINAL
    ORDER BY detected_at DESC, number DESC
    LIMIT 1 BY tenant, segment_id, recipient_key
)
WHERE is_member = 1
"""


def random_log(dice: Random) -> list[SegmentTransition]:
    """Of 80 recipients, in and out by turns, at instants of which many are the same."""
    found = []
    for who in range(80):
        tenant, segment = dice.choice((("acme", "vip"), ("acme", "cart"), ("other", "vip")))
        at = T0 + dice.randrange(SPAN // DAY) * DAY
        for number in range(1, dice.randrange(2, 9)):
            at += dice.choice((0, 1, 60_000, DAY))
            cause, version = dice.choice(("", RULE, f"e{who}-{number}")), dice.choice(("v1", "v2"))
            id_ = transition_id(tenant, f"r{who}", segment, version, at, number % 2, f"{cause}{number}")
            late = dice.choice((0, 0, 5_000, 2 * DAY)) if number > 4 else 0
            found.append(SegmentTransition(
                transition_id=id_, tenant=tenant, recipient_key=f"r{who}", segment_id=segment, rule_version=version,
                is_member=number % 2, detected_at=at + late, effective_at=at, cause=cause, number=number,
            ))  # fmt: skip
    return found


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    client = connect(f"chdb://{tmp_path_factory.mktemp('changes')}")
    apply_tables(client)
    client.command("SYSTEM STOP MERGES")  # a merge would drop the second copies before a query has to
    yield client
    client.close()


def of_transitions(sql: str) -> str:
    """The query as it was: of the transitions themselves."""
    plain = sql.replace("mailweir.segment_changes FINAL", "mailweir.segment_transitions FINAL")
    return plain.replace("is_rule", "cause = 'rule'")


def of_whole_transitions(sql: str) -> str:
    """The same of the query that reads only the newest: without that."""
    last = sql[sql.index(") AS first_at") + len(") AS first_at") :].replace(
        "first_at", "fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')"
    )
    return last.replace("mailweir.segment_transitions\n", "mailweir.segment_transitions FINAL\n").replace(
        "LIMIT 1 BY tenant, segment_id, recipient_key, transition_id\n", ""
    )


def test_every_query_says_what_it_says_of_the_transitions_themselves(store: Client) -> None:
    dice = Random(7)
    log = random_log(dice)
    for _ in range(4):
        store_records(store, dice.sample(log, len(log) // 2), batch=37)
    store_records(store, log)
    store_records(store, [replace(each, detected_at=each.detected_at + 1) for each in dice.sample(log, 20)])
    asked = 0
    for name, before in (
        ("segments", of_transitions), ("segment_sizes", of_transitions), ("segment_transitions", of_whole_transitions)
    ):  # fmt: skip
        for _ in range(12):
            begin = T0 + dice.randrange(-DAY, SPAN)
            given: dict[str, Any] = {
                "tenant": dice.choice(("", "acme", "other")), "segment": dice.choice(("", "vip", "cart")),
                "from_ms": begin, "to_ms": begin + dice.randrange(SPAN), "bucket_s": 3_600, "limit": 1_000,
            }  # fmt: skip
            sql = query(name).sql
            assert before(sql) != sql
            found = store.query(sql, given).result_rows
            assert found == store.query(before(sql), given).result_rows
            asked += len(found)
    assert asked > 1_000
    by_view = set(store.query("SELECT * FROM segment_members").result_rows)
    assert by_view == set(store.query(MEMBERS).result_rows)
    assert len(by_view) == store.query("SELECT count() FROM segment_members").result_rows[0][0] > 20


def test_of_several_at_one_instant_as_many_are_shown_as_are_asked_for(store: Client) -> None:
    log = [each for each in random_log(Random(3)) if each.tenant == "acme"]
    for _ in range(3):
        store_records(store, log, batch=50)
    given = {"tenant": "acme", "segment": "", "from_ms": 0, "to_ms": T0 + 9 * SPAN}
    every = store.query(query("segment_transitions").sql, given | {"limit": 1_000}).result_rows
    assert len(every) == len({each.transition_id for each in log}) > 60
    for limit in range(1, 60):
        assert store.query(query("segment_transitions").sql, given | {"limit": limit}).result_rows == every[:limit]


def test_what_was_lost_between_the_two_tables_comes_with_the_repeat(store: Client) -> None:
    codec, log = Codec(), random_log(Random(1))
    entries = [Entry(offset, 1, codec.encode(each)) for offset, each in enumerate(log)]
    spec = segment_transitions.TABLE
    batch = Batch(Partition(spec.topic.name, 0), "id", Bounds(0, len(log) - 1), entries)
    counts = []
    for _ in range(2):
        loader = Loader(store, codec)
        assert loader.load(spec, batch, loader.sort(spec, batch), is_repeat=True) == []
        sql = "SELECT (SELECT count() FROM segment_transitions), (SELECT count() FROM segment_changes FINAL)"
        counts.append(store.query(sql).result_rows[0])
        store.command("ALTER TABLE segment_changes DETACH PARTITION tuple()")
    assert counts == [(len(log), len(log))] * 2
