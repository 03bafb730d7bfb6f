"""The named queries about segments say what going through every transition says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from dashboards.console.store import table_of
from dashboards.queries import query
from schemas.transitions import RULE, SegmentTransition, transition_id
from sinks.migrate import apply_tables
from tests.integration.backtest_cases import store_records
from tests.integration.store_process import StoreProcess

T0 = 1_774_569_600_000  # 2026-03-27T00:00Z
MINUTE = 60_000
NOW = T0 + 180 * MINUTE
SEGMENTS = ("cart", "vip")
CHANGED = T0 + 90 * MINUTE  # when the rule of `vip` was changed


def transition(who: str, number: int, at: int, is_member: int, **fields: Any) -> SegmentTransition:
    plain: dict[str, Any] = {
        "tenant": "acme", "segment_id": "vip", "rule_version": "v1", "cause": "", "detected_at": at, **fields,
    }  # fmt: skip
    of = (plain["tenant"], who, plain["segment_id"], plain["rule_version"])
    id_ = transition_id(*of, at, is_member, plain["cause"])
    return SegmentTransition(
        transition_id=id_, recipient_key=who, number=number, effective_at=at, is_member=is_member, **plain
    )


def histories() -> list[SegmentTransition]:
    """Of 60 recipients and two segments up to twelve transitions each, in and out by turns."""
    dice, found = Random(4), list[SegmentTransition]()
    for segment in SEGMENTS:
        for recipient in range(60):
            at = T0
            for number in range(1, dice.randrange(1, 13)):
                at += dice.randrange(1, 30) * MINUTE // 2
                if at < NOW:
                    found.append(transition(f"r{recipient:02}", number, at, number % 2, segment_id=segment))
    return found


def with_another_rule(log: list[SegmentTransition]) -> list[SegmentTransition]:
    """Who is in `vip` at the change leaves by it, one of them later than the others; every second enters at once by the
    new version, one of them as of some time before.
    """
    before = [each for each in log if each.segment_id != "vip" or each.effective_at < CHANGED]
    members = sorted(_members(before, "vip", CHANGED))
    rule: dict[str, Any] = {"cause": RULE, "detected_at": CHANGED}
    out = [transition(who, 100, CHANGED, 0, **rule) for who in members]
    out[-1] = replace(out[-1], effective_at=CHANGED + 5 * MINUTE, detected_at=CHANGED + 5 * MINUTE)
    again = [transition(who, 101, CHANGED, 1, rule_version="v2", **rule) for who in members[:-1:2]]
    again[0] = replace(again[0], effective_at=CHANGED - 7 * MINUTE)
    return before + out + again


def _members(log: list[SegmentTransition], segment: str, at: int) -> set[str]:
    """By going through all that is known now in order; what a change of the rules did counts from then on."""
    found: set[str] = set()
    for each in sorted(log, key=lambda item: (item.detected_at, item.number)):
        began = each.detected_at if each.cause == RULE else each.effective_at
        if each.segment_id == segment and began <= at:
            (found.add if each.is_member else found.discard)(each.recipient_key)
    return found


LOG = with_another_rule(histories())
OTHERS = [transition("zz", 1, T0, 1, tenant="other")]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    process = StoreProcess(tmp_path_factory.mktemp("store"))
    client = process.start()
    apply_tables(client)
    client.command("SYSTEM STOP MERGES")  # a merge would drop the second copies before a query has to
    store_records(client, LOG)
    store_records(client, LOG[::3])
    store_records(client, OTHERS)
    yield client
    client.close()
    process.stop()


def ask(store: Client, name: str, **given: Any) -> list[dict[str, Any]]:
    named = query(name)
    span = {"from_ms": T0, "to_ms": NOW, "tenant": "acme"} | given
    wanted = {parameter.name for parameter in named.parameters}
    bound = named.bind({key: str(value) for key, value in span.items() if key in wanted})
    return table_of(store.query(named.sql, parameters=bound)).records()


def test_the_sizes_are_those_of_the_view_of_members(store: Client) -> None:
    sizes = {(row["tenant"], row["segment_id"]): row["size"] for row in ask(store, "segments", tenant="")}
    counted = store.query("SELECT tenant, segment_id, count() FROM segment_members GROUP BY tenant, segment_id")
    assert sizes == {(tenant, segment): size for tenant, segment, size in counted.result_rows}
    assert sizes[("acme", "vip")] == len(_members(LOG, "vip", NOW)) > 5


def test_entries_and_exits_are_those_of_the_span(store: Client) -> None:
    begin = T0 + 60 * MINUTE
    for row in ask(store, "segments", from_ms=begin):
        inside = [each for each in LOG if each.segment_id == row["segment_id"] and each.effective_at >= begin]
        assert row["entered"] == sum(each.is_member for each in inside) > 5
        assert row["exited"] == sum(not each.is_member for each in inside) > 5
        assert row["last_change_at"] == max(each.effective_at for each in inside)


def test_the_version_is_the_one_by_which_people_enter_and_not_an_old_one_by_which_they_leave(store: Client) -> None:
    vip, cart = ({row["segment_id"]: row for row in ask(store, "segments")}[id_] for id_ in ("vip", "cart"))
    assert (vip["rule_version"], vip["live_since"]) == ("v2", CHANGED - 7 * MINUTE)
    assert (cart["rule_version"], cart["live_since"]) == (
        "v1", min(each.effective_at for each in LOG if each.segment_id == "cart")
    )  # fmt: skip


@pytest.mark.parametrize(("begin", "bucket_s"), [(T0 - 60 * MINUTE, 600), (T0 + 31 * MINUTE, 60), (T0 + 12_345, 3_600)])
def test_the_size_at_each_step_is_that_of_entries_less_exits_up_to_it(store: Client, begin: int, bucket_s: int) -> None:
    rows = ask(store, "segment_sizes", from_ms=begin, bucket_s=bucket_s)
    steps = (NOW - begin) // (bucket_s * 1_000) + 1
    assert len(rows) == len(SEGMENTS) * steps
    for row in rows:
        assert (row["time"] - begin) % (bucket_s * 1_000) == 0
        assert row["size"] == len(_members(LOG, row["segment_id"], row["time"])), row
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)


def test_a_step_too_small_for_the_span_is_bounded_and_none_at_all_is_a_second(store: Client) -> None:
    assert len(ask(store, "segment_sizes", segment="vip", bucket_s=1)) == 1_000
    assert len(ask(store, "segment_sizes", segment="vip", bucket_s=0, to_ms=T0 + 5_000)) == 6
    assert len(ask(store, "segment_sizes", segment="vip", bucket_s=60, to_ms=T0 - MINUTE)) == 1


def test_the_latest_transitions_come_first_each_once(store: Client) -> None:
    rows = ask(store, "segment_transitions", segment="cart", limit=10)
    wanted = sorted((each for each in LOG if each.segment_id == "cart"), key=lambda each: -each.effective_at)[:10]
    assert [row["effective_at"] for row in rows] == [each.effective_at for each in wanted]
    assert len({row["transition_id"] for row in rows}) == 10
    assert all(row["segment_id"] == "cart" and row["tenant"] == "acme" for row in rows)
