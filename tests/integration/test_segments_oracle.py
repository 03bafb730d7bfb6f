"""The two meanings of a rule are one: SQL over a table of facts, and plain loops over each recipient's.

Random rules of every kind, random histories of some hundred recipients, random instants.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from random import Random
from typing import Any, NamedTuple

import pytest
from clickhouse_connect.driver.client import Client

from schemas.segments.rules import NODES, Rule
from streams.core.segments.fact import Fact
from tests.integration.store_process import StoreProcess
from tests.oracle.facts import create, insert, members
from tests.unit.streams.core.segments.brute import holds
from tests.unit.streams.core.segments.histories import (
    GRID,
    HOUR,
    LEAF_KINDS,
    SEGMENT_IDS,
    SPAN,
    START,
    random_history,
    random_leaf,
    random_rule,
    rule_of,
)

TENANT = "acme"
PLAIN = tuple(kind for kind in LEAF_KINDS if kind != "segment")


class World(NamedTuple):
    """A store with facts, and the same facts."""

    client: Client
    histories: Mapping[str, list[Fact]]
    tenant: str = TENANT

    def by_sql(self, rule: Rule, now: int, segments: Mapping[str, Rule], known: int) -> set[str]:
        return members(self.client, self.tenant, rule, segments, now, known)

    def by_loops(self, rule: Rule, now: int, segments: Mapping[str, Rule], known: int) -> set[str]:
        return {key for key, facts in self.histories.items() if holds(rule, key, facts, now, segments, known)}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    process = StoreProcess(tmp_path_factory.mktemp("store"))
    client = process.start()
    create(client)
    yield client
    client.close()
    process.stop()


@pytest.fixture(scope="module")
def world(store: Client) -> World:
    rng = Random(13)
    histories = {f"{n:032x}": random_history(rng, rng.randrange(40)) for n in range(150)}
    insert(store, histories, TENANT)
    insert(store, {key: random_history(rng, 5) for key in histories}, "another")
    return World(store, histories)


def compare(world: World, rule: Rule, rng: Random) -> int:
    """How many recipients fit, once both ways agree."""
    segments = {name: random_rule(rng, 2, PLAIN) for name in SEGMENT_IDS}
    now = START + rng.randrange(SPAN // GRID) * GRID + rng.choice((0, 0, 0, -1, 1))
    known = rng.choice((now, now, now + 2 * 24 * 2 * GRID, now - 24 * GRID))
    by_loops, by_sql = world.by_loops(rule, now, segments, known), world.by_sql(rule, now, segments, known)
    assert by_sql == by_loops, f"{rule} at {now} as known at {known} with {segments}: {sorted(by_sql ^ by_loops)[:3]}"
    return len(by_loops)


@pytest.mark.parametrize("kind", LEAF_KINDS)
def test_sql_and_loops_agree_on_leaves(world: World, kind: str) -> None:
    rng = Random(kind)
    sizes = [compare(world, random_leaf(kind, rng), rng) for _ in range(8)]
    assert any(0 < size < len(world.histories) for size in sizes)


def test_sql_and_loops_agree_on_trees(world: World) -> None:
    rng = Random(6)
    for _ in range(15):
        compare(world, random_rule(rng, 4), rng)


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_sql_and_loops_agree_on_thousands_of_rules(world: World) -> None:
    rng = Random(7)
    for _ in range(2_000):
        compare(world, random_rule(rng, rng.randrange(1, 5)), rng)


def test_every_leaf_is_among_those_compared() -> None:
    assert {*LEAF_KINDS, "all", "any", "not"} == set(NODES)


VALUES: tuple[Any, ...] = (
    *(
        "",
        "5",
        "5.0",
        "true",
        "null",
        "a'b",
        'a"b',
        "a\\b",
        "a\nb\tc\0d",
        "{p0:String}",
        "%s",
        "ä€😀",
        "Ä",
        "[1]",
        '{"a":1}',
    ),
    *(0, -0.0, 5, 5.0, -5, 0.1, 1e-7, 1e22, 2**53, 2**53 + 1, 2**63, 2**64 - 1, -(2**63), 1e11, 99_999_999_999, True),
    *(
        False,
        None,
        [],
        {},
        [[]],
        [[5]],
        [None],
        [5, "5"],
        [4, 7],
        [{"b": 5}],
        {"b": 5},
        {"b": [4, {"c": 1}]},
        {"b": None},
    ),
    *(
        "2026-02-28",
        "2026-02-29",
        "2024-02-29",
        "1900-02-29",
        "0000-01-01",
        "0001-01-01",
        "9999-12-31T23:59:59.999Z",
        "2026-13-01",
    ),
    *("2026-02-28T23:59:60Z", "2026-02-28t23:59:59.9999z", "2026-02-28 23:59:59-01:30", "2026-02-28T23:59:59+0130"),
    *("2026-02-28T23:59:59", "2026-02-28T24:00:00Z", "2026-02-28T23:59Z", " 2026-02-28", "2026-02-28\n", "1899-12-31"),
    *("9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00", -1, -62_135_596_800, -62_135_596_801, 1_772_323_199),
    *({"lat": 52.52, "lon": 13.4}, {"lat": 52, "lon": "13"}, {"lat": 91, "lon": 0}, [5, {"lat": -33.9, "lon": 151.2}]),
    *({"lat": 90, "lon": 0}, {"lat": 0, "lon": 180}, {"lat": 0, "lon": -180}, {"lat": 52.52}, {"lat": True, "lon": 1}),
)
CONDITIONS: tuple[Any, ...] = (
    *("", "5", "a'b", 'a"b', "a\\b", "a\nb\tc\0d", "{p0:String}", "ä€😀", 0, 5, 0.1, 2**53, True, False, {"ne": 5}),
    *(
        {"ne": "5"},
        {"ne": True},
        {"in": [5, "5", True]},
        {"not_in": ["", 0, False]},
        {"exists": True},
        {"exists": False},
    ),
    *(
        {"gt": 4, "lt": 7},
        {"gte": 0, "ne": 5},
        {"lte": -1},
        {"contains": "\\"},
        {"contains": "€"},
        {"starts_with": "2026"},
    ),
    *({"ends_with": "Z"}, {"before": "2026-03-01T00:00:00Z"}, {"after": "2026-02-28T23:59:59.998Z"}),
    *({"after": "1970-01-01T00:00:00Z", "before": "2026-03-01T01:29:59.001Z"}, {"before": "1900-01-01T00:00:00Z"}),
    *({"near": {"lat": 52.5, "lon": 13.5, "km": 10}}, {"near": {"lat": 0, "lon": 179.99, "km": 2}}),
    *({"near": {"lat": -34, "lon": 151, "km": 20_038}}, {"near": {"lat": 89.99, "lon": 170, "km": 1.2}}),
)


@pytest.fixture(scope="module")
def valued(store: Client) -> World:
    """A recipient for each value, as the property and the trait `a`."""
    histories = {
        f"{n:03}": [Fact(f"{n}", "seen", START, START, {"a": value}, {"a": value})] for n, value in enumerate(VALUES)
    }
    insert(store, histories, "values")
    return World(store, histories, "values")


@pytest.mark.parametrize("path", ["a", "a.b"])
def test_sql_and_loops_agree_on_every_condition_on_every_value(valued: World, path: str) -> None:
    for condition in CONDITIONS:
        rule = rule_of({"event": {"name": "seen", "where": {path: condition}}})
        expected = valued.by_loops(rule, START, {}, START)
        assert valued.by_sql(rule, START, {}, START) == expected, condition
        assert path != "a" or 0 < len(expected) < len(VALUES), condition


def test_sql_and_loops_agree_on_what_values_have_in_common(valued: World) -> None:
    for rule in (
        {"date": {"trait": "a", "in_last": "30d"}},
        {"date": {"trait": "a", "over": "3660d"}},
        {"anniversary": {"trait": "a", "days_before": 40, "days_after": 180, "zone": "Asia/Tokyo"}},
        {"trait": {"path": "a", "is": {"ne": 5}, "for_at_least": "2s"}},
        {"aggregate": {"name": "seen", "fn": "sum", "of": "a", "is": {"gt": 0}}},
        {"aggregate": {"name": "seen", "fn": "avg", "of": "a", "is": {"lte": 0.1}}},
        {"aggregate": {"name": "seen", "fn": "distinct", "of": "a.b", "is": {"eq": 1}}},
        {"sequence": {"first": {"name": "seen"}, "without": {"name": "x"}, "same": "a", "within": "1s"}},
    ):
        now = START + 1_000
        assert valued.by_sql(rule_of(rule), now, {}, now) == valued.by_loops(rule_of(rule), now, {}, now), rule


AGES = [hours * HOUR + off for hours in (0, 1, 2, 3) for off in (-1, 0, 1)]
BOUNDED: tuple[dict[str, Any], ...] = (
    {"event": {"name": "seen", "within": "1h"}},
    {"event": {"name": "seen", "between": ["3h", "1h"]}},
    {"event": {"name": "seen", "since": "2026-03-26T23:00:00Z"}},
    {"event": {"name": "seen", "before": "2026-03-26T23:00:00Z"}},
    {"regularly": {"name": "seen", "every": "1h", "periods": 1, "count": {"gte": 1}}},
    {"regularly": {"name": "seen", "every": "1h", "periods": 2, "count": {"eq": 0}}},
    {"sequence": {"first": {"name": "seen"}, "without": {"name": "page"}, "within": "1h"}},
    {"sequence": {"first": {"name": "seen"}, "without": {"name": "page"}, "within": "1h", "expire_after": "2h"}},
    {"sequence": {"first": {"name": "began"}, "then": {"name": "seen"}, "within": "1h"}},
    {"sequence": {"first": {"name": "began"}, "without": {"name": "seen"}, "within": "2h"}},
    {"last_messages": {"n": 1, "none": "opened", "mature_after": "1h"}},
    {"trait": {"path": "a", "is": 5, "for_at_least": "1h"}},
    {"trait": {"path": "a", "is": {"ne": 5}, "for_at_least": "1h"}},
    {"date": {"trait": "when", "in_last": "1h"}},
    {"date": {"trait": "when", "over": "1h"}},
    {"date": {"trait": "when", "in_next": "1h"}},
    {"date": {"trait": "when", "ahead": "1h"}},
    {"known_for": "3h"},
    {"engagement": {"half_life": "1h", "weights": {"seen": 2}, "is": {"gt": 1}}},
    {"engagement": {"half_life": "1h", "weights": {"seen": 2}, "is": {"lte": 1}}},
)


@pytest.fixture(scope="module")
def aged(store: Client) -> World:
    """A recipient for each age that everything of it has, or is ahead of by as much."""
    histories = {f"{n:03}": _of_age(str(n), age) for n, age in enumerate([*AGES, *(-age for age in AGES)])}
    insert(store, histories, "ages")
    return World(store, histories, "ages")


def _of_age(number: str, age: int) -> list[Fact]:
    at = min(START - age, START + 1)
    mail = Fact(f"{number}m", "email_delivered", at, at, {"message_id": "m"}, {})
    return [
        Fact(f"{number}b", "began", START - 2 * HOUR, START - 2 * HOUR, {}, {}),
        Fact(number, "seen", at, at, {}, {"a": 5}),
        Fact(f"{number}w", "set", START - 2 * HOUR, START - 2 * HOUR, {}, {"when": START - age}),
        mail,
    ]


@pytest.mark.parametrize("rule", BOUNDED, ids=lambda rule: str(rule)[:60])
def test_sql_and_loops_agree_to_the_millisecond(aged: World, rule: dict[str, Any]) -> None:
    asked = rule_of(rule)
    expected = aged.by_loops(asked, START, {}, START)
    assert aged.by_sql(asked, START, {}, START) == expected
    assert 0 < len(expected) < len(aged.histories)


BIRTHS = ("2000-02-29", "1999-02-28", "1990-03-01", "1985-12-31", "1986-01-01T23:30:00-05:00", 951_782_400, -1)
TIME_ZONES = (None, "Asia/Tokyo", "America/New_York", "Pacific/Kiritimati", "Mars/Olympus", 5)
DAYS = (
    *("2024-02-28T12:00Z", "2024-02-29T12:00Z", "2025-02-27T23:30Z", "2025-02-28T20:00Z", "2025-03-01T03:00Z"),
    *("2100-02-28T12:00Z", "2025-12-31T20:00Z", "2026-01-01T00:30Z"),
)


@pytest.fixture(scope="module")
def born(store: Client) -> World:
    """A recipient for each birthday in each time zone."""
    traits = [{"born": birth, "time_zone": zone} for birth in BIRTHS for zone in TIME_ZONES]
    histories = {f"{n:03}": [Fact(f"{n}", "identify", 0, 0, {}, found)] for n, found in enumerate(traits)}
    insert(store, histories, "births")
    return World(store, histories, "births")


@pytest.mark.parametrize("day", DAYS)
def test_sql_and_loops_agree_on_whose_day_it_is(born: World, day: str) -> None:
    now = int(datetime.fromisoformat(day).timestamp() * 1_000)
    for zone, before, after in (("recipient", 0, 0), ("recipient", 1, 0), ("UTC", 0, 1), ("America/New_York", 2, 2)):
        rule = rule_of({"anniversary": {"trait": "born", "zone": zone, "days_before": before, "days_after": after}})
        expected = born.by_loops(rule, now, {}, now)
        assert born.by_sql(rule, now, {}, now) == expected, (zone, before, after)
    assert 0 < len(expected) < len(born.histories)
