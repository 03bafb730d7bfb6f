"""What a query consists of: values only as parameters, and no more than the rule needs."""

from __future__ import annotations

from typing import Any

import pytest

from streams.core.segments.sql.query import Query, compile_sql
from tests.unit.streams.core.segments.histories import rule_of

QUUX = "it's-a{quux}"
WHERE = {
    "where": {"key-quux.quux2": {"in": [QUUX, 7.25], "contains": QUUX, "gt": 7.5, "after": "2026-01-01T00:00:00Z"}}
}


def compiled(rule: dict[str, Any]) -> Query:
    return compile_sql(rule_of(rule))


@pytest.mark.parametrize(
    "rule",
    [
        {"event": {"name": "quux", **WHERE, "within": "13h", "unless": {"name": "quux", "same": "quux"}}},
        {"latest": {"name": "quux", **WHERE}},
        {"aggregate": {"name": "quux", **WHERE, "fn": "sum", "of": "quux", "is": 7.25}},
        {"regularly": {"name": "quux", **WHERE, "every": "13h", "periods": 3}},
        {"sequence": {"first": {"name": "quux", **WHERE}, "then": {"name": "quux"}, "within": "13h", "same": "quux"}},
        {"last_messages": {"n": 3, "category": QUUX, "none": "opened", "mature_after": "13h"}},
        {"trait": {"path": "quux", "is": QUUX, "for_at_least": "13h"}},
        {"date": {"trait": "quux", "in_next": "13h"}},
        {"anniversary": {"trait": "quux", "zone": "America/New_York"}},
        {"consent": {"purpose": QUUX, "is": "granted"}},
        {"bucket": {"salt": QUUX, "from": 0.125, "to": 0.375}},
        {"engagement": {"weights": {"quux": 7.25}, "half_life": "13h", "is": 7.5}},
    ],
    ids=lambda rule: next(iter(rule)),
)
def test_no_value_of_a_rule_is_part_of_the_text(rule: dict[str, Any]) -> None:
    query = compiled(rule)
    for value in ("quux", "7.25", "7.5", "46800000", "0.125", "0.375", "New_York"):
        assert value not in query.text
    assert "quux" in str(query.parameters) or "New_York" in str(query.parameters)


def test_the_same_leaf_twice_is_one_column_with_the_same_parameters() -> None:
    once = compiled({"event": {"name": "page", "within": "1d"}})
    twice = compiled({"any": [{"event": {"name": "page", "within": "1d"}}] * 2})
    assert twice.parameters == once.parameters
    assert twice.text.count("countIf(") == once.text.count("countIf(") == 1


def test_only_properties_and_functions_that_are_needed_are_there() -> None:
    plain = compiled({"known_for": "1d"})
    assert "toJSONString" not in plain.text
    assert "->" not in plain.text
    reading = compiled({"event": {"name": "email_opened", "where": {"campaign_id": "c", "metadata.x": 1}}})
    assert "toJSONString(campaign_id)" in reading.text
    assert "toJSONString(subject)" not in reading.text
    assert "time_of" not in reading.text


def test_a_query_is_asked_for_a_tenant_and_two_instants() -> None:
    query = compiled({"known_for": "1d"})
    assert query.at("acme", 5) == {"p0": 86_400_000, "tenant": "acme", "now": 5, "known": 5}
    assert query.at("acme", 5, 4)["known"] == 4
    for name in ("{tenant:String}", "{now:Int64}", "{known:Int64}"):
        assert name in query.text


def test_nobody_is_in_a_segment_that_there_is_not() -> None:
    assert "WHERE NOT 0\n" in compiled({"not": {"segment": "gone"}}).text
