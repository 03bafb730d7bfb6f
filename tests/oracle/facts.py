"""A table of facts, and the members of a rule by the query that the product compiles for it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from clickhouse_connect.driver.client import Client

from schemas.segments.rules import Rule
from streams.core.segments.fact import Fact
from streams.core.segments.sql.query import compile_sql

_TABLE = """
CREATE TABLE mailweir.facts
(tenant String, recipient_key String, event_id String, name String, at Int64, known_at Int64, properties String,
traits String) ENGINE = MergeTree ORDER BY (tenant, recipient_key)
"""
_FACTS = (
    "SELECT recipient_key, event_id, name, at, known_at, properties, traits FROM mailweir.facts"
    " WHERE tenant = {tenant:String} AND known_at <= {known:Int64}"
    " ORDER BY known_at LIMIT 1 BY recipient_key, event_id"
)


def create(client: Client) -> None:
    """The table, empty."""
    client.command(_TABLE)


def insert(client: Client, histories: Mapping[str, Sequence[Fact]], tenant: str) -> None:
    """Fill the table with facts."""
    rows = [
        (tenant, key, *fact[:4], json.dumps(dict(fact.properties)), json.dumps(dict(fact.traits)))
        for key, facts in histories.items()
        for fact in facts
    ]
    client.insert("facts", rows, column_names=["tenant", "recipient_key", *Fact._fields])


def members(client: Client, tenant: str, rule: Rule, segments: Mapping[str, Rule], now: int, known: int) -> set[str]:
    """Who is in it at `now` by what was known at `known`."""
    query = compile_sql(rule, segments, lambda _: _FACTS)
    return {str(row[0]) for row in client.query(query.text, query.at(tenant, now, known)).result_rows}
