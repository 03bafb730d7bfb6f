"""Named queries: conventions of the files, parameters, refusals."""

from __future__ import annotations

import re

import pytest

from dashboards.campaigns.asking import Asked, questions, which
from dashboards.console.keys import ASKED
from dashboards.console.panels import PANELS
from dashboards.grafana.alerts import ALERTS
from dashboards.grafana.boards import DASHBOARDS
from dashboards.queries import (
    FOLDER,
    PRIVATE,
    QUERIES,
    BadParameterError,
    Parameter,
    UnknownQueryError,
    parse_query,
    query,
)
from schemas.errors import Misconfigured

CAMPAIGN = Asked(campaign="spring")
GOOD = "-- How many?\n-- unit: events\n-- default limit: 5\nSELECT {limit:UInt32}, {tenant:String}"


def test_every_file_of_the_folder_is_a_query_with_question_and_unit() -> None:
    assert set(QUERIES) == {path.stem for path in FOLDER.glob("*.sql")}
    assert all(named.question.endswith("?") and named.unit for named in QUERIES.values())


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_a_query_bounds_its_rows_or_is_an_aggregate_of_one_row(name: str) -> None:
    sql = QUERIES[name].sql
    assert re.search(r"\bLIMIT\b", sql) or "GROUP BY" not in sql.rsplit("FROM", 1)[0]


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_a_query_reads_the_tables_by_their_full_name_and_respects_the_tenant(name: str) -> None:
    sql = QUERIES[name].sql
    tables = re.findall(r"(?:FROM|JOIN) (\w+\.\w+)", sql)
    assert tables
    assert all(table.startswith("mailweir.") for table in tables)
    assert "({tenant:String} = '' OR tenant = {tenant:String})" in sql


def test_every_query_is_shown_somewhere() -> None:
    on_boards = {item.query for board in DASHBOARDS for item in board.asking}
    in_reports = {each.named.name for each in (which(CAMPAIGN), *questions(CAMPAIGN, CAMPAIGN, 0))}
    on_pages = {"dead_letters", "dead_letter_groups", "sources"}
    alerting = {alert.query for alert in ALERTS}
    live = {panel.query for panel in PANELS}
    assert live | on_boards | in_reports | alerting | set(ASKED) | on_pages == set(QUERIES)


def test_what_holds_addresses_is_not_among_the_queries_that_anybody_may_ask() -> None:
    assert "dead_letter_original" in PRIVATE
    assert not set(PRIVATE) & set(QUERIES)
    assert not [
        named.name
        for named in QUERIES.values()
        if re.search(r"\boriginal\b(?!\))", named.sql.replace("EXCEPT original", ""))
    ]


def test_every_query_is_listed_in_the_documentation_with_its_question() -> None:
    docs = FOLDER.parents[1] / "docs"
    text = "".join((docs / page).read_text(encoding="utf-8") for page in ("console.md", "grafana.md"))
    for named in QUERIES.values():
        assert f"| `{named.name}` | {named.question} | {named.unit} |" in text, named.name


def test_parameters_come_with_their_type_and_default() -> None:
    named = parse_query("good", GOOD)
    assert named.parameters == (Parameter("limit", "UInt32", 5), Parameter("tenant", "String", ""))
    assert named.bind({}) == {"limit": 5, "tenant": ""}
    assert named.bind({"limit": "7", "tenant": "acme"}) == {"limit": 7, "tenant": "acme"}


def test_text_of_a_caller_is_bound_and_never_becomes_sql() -> None:
    hostile = "x' OR 1=1 --"
    assert parse_query("good", GOOD).bind({"tenant": hostile})["tenant"] == hostile
    assert hostile not in parse_query("good", GOOD).sql


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"limit": "many"}, "limit: expected a whole number, got 'many'"),
        ({"limit": "-1"}, "limit: -1 is outside 0 to 4294967295"),
        ({"tenant": "x" * 201}, "tenant: 201 characters; at most 200 are allowed"),
        ({"limits": "1"}, "good has no parameter 'limits'; did you mean 'limit'?"),
    ],
)
def test_a_bad_parameter_is_refused_with_a_sentence(given: dict[str, str], sentence: str) -> None:
    with pytest.raises(BadParameterError, match=re.escape(sentence)):
        parse_query("good", GOOD).bind(given)


def test_a_parameter_without_default_must_be_given() -> None:
    with pytest.raises(BadParameterError, match="totals needs the parameter from_ms"):
        query("totals").bind({"to_ms": "1"})


def test_an_unknown_name_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(UnknownQueryError, match="did you mean 'totals'"):
        query("total")


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1",
        "-- no question\n-- unit: x\nSELECT 1",
        "-- A question?\nSELECT 1",
        "-- A question?\n-- unit: x\n",
        "-- A question?\n-- unit: x\nSELECT {a:Identifier}",
        "-- A question?\n-- unit: x\nSELECT {a:String}, {a:UInt32}",
    ],
)
def test_a_file_that_breaks_the_conventions_is_named(text: str) -> None:
    with pytest.raises(Misconfigured, match=r"dashboards/queries/broken\.sql"):
        parse_query("broken", text)
