"""Who has tenants of their own sees what they would see in a store that nobody else uses, whatever they ask.

The same questions are put to two stores: one that holds the rows of `acme` alone, asked without any scope, and one that
also holds another tenant's, under the same ids and others. Every route and every named query must answer alike.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer
from clickhouse_connect.driver.client import Client

from dashboards.console.app import build_console
from dashboards.console.login.roles import OPEN, ROUTES
from dashboards.console.panels import PANELS
from dashboards.console.scope import NOTHING, Scope, scope_of
from dashboards.console.store import Scoped
from dashboards.queries import QUERIES
from dashboards.segments.rules import RuleFiles
from schemas.access import ConsoleAccess
from schemas.config import Config, Tenant
from schemas.remediation import Ruling
from schemas.segments.files import read_pasted
from sinks.clickhouse import connect
from sinks.migrate import apply_tables
from sinks.tables import TABLES
from tests.contract.test_tables import sample
from tests.integration.backtest_cases import store_records
from tests.integration.console_client import NOW
from tests.integration.store_process import StoreProcess
from tests.integration.test_console import at, decision, event, fill, transition
from tests.unit.dashboards.fakes import Clock
from tests.unit.dashboards.login.house import a_door, login, user

OF_NOBODY = {"schema_versions", "sink_batches"}  # tables without a tenant: how the store itself is
SPAN = f"from_ms={NOW - 900_000}&to_ms={NOW}"
Row = dict[str, Any]
Answer = tuple[int, Any]


class Copybook:
    """Takes what `fill` inserts, for a store of one tenant or of two."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, Row]] = []

    def command(self, _statement: str) -> None:
        """Merges are nothing to it."""

    def insert(self, table: str, values: Sequence[Sequence[Any]], column_names: Sequence[str], **_more: Any) -> None:
        self.rows += [(table, dict(zip(column_names, row, strict=True))) for row in values]


def rows_of_acme() -> list[tuple[str, Row]]:
    book = Copybook()
    fill(book)  # type: ignore[arg-type]  # the two calls of a client that it makes
    more = [
        ("email_events", event(20, "delivered", 61, recipient_key="ann", campaign_id="winter")),
        ("decisions", {**decision("w1", "pause_campaign", 40, "winter"), "mode": "approve"}),
    ]
    return [(table, row) for table, row in [*book.rows, *more] if row.get("tenant", "acme") == "acme"]


def rows_of_other() -> list[tuple[str, Row]]:
    """The same under the same ids, and some that are theirs alone."""
    same = [(table, {**row, "tenant": "other"}) for table, row in rows_of_acme() if "tenant" in row]
    return [
        *same,
        ("email_events", {**event(90, "bounced", 30, recipient_key="bob", campaign_id="secret"), "tenant": "other"}),
        ("decisions", {**decision("o9", "pause_campaign", 20, "secret"), "tenant": "other", "mode": "approve"}),
        ("dead_letters", {"dead_letter_id": "l9", "tenant": "other", "code": "no", "received_at": at(NOW - 9_000)}),
        ("segment_transitions", transition("t9", "bob", 60, 1, tenant="other", segment_id="lapsed")),
    ]  # fmt: skip


def put(client: Client, rows: Sequence[tuple[str, Row]]) -> None:
    for table, row in rows:
        client.insert(table, [list(row.values())], column_names=list(row), database="mailweir")


def rules(*tenants: str) -> RuleFiles:
    texts = {"acme": ("vip",), "other": ("vip", "lapsed")}
    found = [
        each
        for tenant in tenants
        for name in texts[tenant]
        for each in read_pasted(f"id: {name}\nevent: {{name: email_delivered}}", tenant).segments
    ]
    return RuleFiles(lambda: found, lambda: 1, lambda: NOW)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    process = StoreProcess(tmp_path_factory.mktemp("alone") / "store")
    client = process.start()
    apply_tables(client)
    put(client, rows_of_acme())
    yield process
    process.stop()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    process = StoreProcess(tmp_path_factory.mktemp("shared") / "store")
    client = process.start()
    apply_tables(client)
    put(client, [*rows_of_acme(), *rows_of_other()])
    yield process
    process.stop()


class House:
    """A console over one of the stores, and somebody who is logged in."""

    def __init__(self, browser: TestClient[Any, Any]) -> None:
        self.browser = browser
        self.said: list[Ruling] = []
        self.looks: list[ConsoleAccess] = []

    async def ask(self, method: str, path: str, body: Any = None) -> Answer:
        answer = await self.browser.request(method, path, json=body)
        text = await answer.text()
        return answer.status, json.loads(text) if answer.content_type == "application/json" else text

    async def panels(self) -> Mapping[str, Any]:
        """The first message of each panel on the stream."""
        found: dict[str, Any] = {}
        async with self.browser.get("/api/stream") as stream, asyncio.timeout(30):
            name = ""
            while len(found) < len(PANELS):
                line = (await stream.content.readline()).decode().rstrip()
                name = line.removeprefix("event: ") if line.startswith("event: ") else name
                if line.startswith("data: ") and name != "pulse":
                    found[name] = json.loads(line.removeprefix("data: "))
        return found


@asynccontextmanager
async def house(process: StoreProcess, sees: Sequence[str], *configured: str) -> AsyncIterator[House]:
    clock = Clock(NOW)
    said, looks = list[Ruling](), list[ConsoleAccess]()

    async def note(look: ConsoleAccess) -> None:
        looks.append(look)

    async def append(ruling: Ruling) -> None:
        said.append(ruling)

    app = build_console(
        lambda: connect(process.url), clock, config=Config(tenants=[Tenant(name=name) for name in configured]),
        rules=rules(*configured), append=append, note=note,
        door=a_door([user("dana", "admin", *sees)], clock),
    )  # fmt: skip
    async with TestClient(TestServer(app), cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        assert (await login(browser)).status == 200
        found = House(browser)
        found.said, found.looks = said, looks
        yield found


ANN = {"recipient": "ann", "tenant": "acme"}
BOB = {"recipient": "bob", "tenant": "other"}
ASKED: Mapping[tuple[str, str], Sequence[tuple[str, Any]]] = {
    ("GET", "/"): [("/", None)],
    ("GET", "/segments"): [("/segments", None)],
    ("GET", "/campaigns"): [("/campaigns", None), ("/campaigns?tenant=other", None)],
    ("GET", "/campaigns/{id}"): [(f"/campaigns/{name}", None) for name in ("winter", "secret", "spring?tenant=other")],
    ("GET", "/api/campaigns"): [("/api/campaigns", None), ("/api/campaigns?tenant=other", None)],
    ("GET", "/api/campaigns/{id}"): [
        (f"/api/campaigns/{name}", None) for name in ("winter", "secret", "winter?tenant=other")
    ],
    ("GET", "/dead-letters"): [("/dead-letters", None)],
    ("GET", "/connectors"): [("/connectors", None)],
    ("GET", "/api/connectors"): [("/api/connectors", None), ("/api/connectors?tenant=other", None)],
    ("GET", "/api/dead-letters"): [("/api/dead-letters", None), ("/api/dead-letters?tenant=other", None)],
    ("GET", "/api/dead-letters/{id}"): [(f"/api/dead-letters/{name}", None) for name in ("l0", "l9", "none")],
    ("POST", "/api/dead-letters/replay"): [
        ("/api/dead-letters/replay", {"dry_run": True, **which})
        for which in ({"ids": ["l0", "l9"]}, {"code": "not_json"}, {"tenant": "other"})
    ],
    ("GET", "/api/openapi.json"): [("/api/openapi.json", None)],
    ("GET", "/api/overview"): [("/api/overview", None)],
    ("GET", "/api/queries"): [("/api/queries", None)],
    ("GET", "/api/queries/{name}"): [
        (f"/api/queries/{name}?{SPAN if any(p.name == 'from_ms' for p in named.parameters) else ''}{of}", None)
        for name, named in QUERIES.items()
        for of in ("", "&tenant=acme", "&tenant=other")
    ],
    ("GET", "/api/decisions"): [("/api/decisions", None), ("/api/decisions?tenant=other", None)],
    ("GET", "/api/decisions/{id}"): [(f"/api/decisions/{name}", None) for name in ("d1", "w1", "o9")],
    **{
        ("POST", f"/api/decisions/{{id}}/{verb}"): [
            (f"/api/decisions/{name}/{verb}", {"who": "erin", "why": "x"}) for name in ("o9", "w1", "d1")
        ]
        for verb in ("approve", "reject", "revert")
    },
    ("GET", "/api/segments"): [(f"/api/segments{of}", None) for of in ("", "?tenant=acme", "?tenant=other")],
    ("GET", "/api/segments/{id}"): [
        (f"/api/segments/{name}{of}", None) for name in ("vip", "lapsed") for of in ("", "?tenant=other")
    ],
    ("GET", "/api/segments/{id}/explain"): [
        ("/api/segments/vip/explain?recipient=ann", None),
        ("/api/segments/vip/explain?recipient=bob&tenant=other", None),
        ("/api/segments/lapsed/explain?recipient=bob", None),
    ],
    ("POST", "/api/segments/{id}/explain"): [("/api/segments/vip/explain", who) for who in (ANN, BOB)],
    ("POST", "/api/segments/explain"): [("/api/segments/explain", who) for who in (ANN, BOB, {"recipient": "bob"})],
    ("POST", "/api/segments/preview"): [
        ("/api/segments/preview", {"rule": f"id: x\n{of}event: {{name: email_delivered}}"})
        for of in ("", "tenant: acme\n", "tenant: other\n")
    ],
    ("GET", "/keys"): [("/keys", None)],
    ("GET", "/recipients"): [("/recipients", None)],
    **{
        ("GET", f"/api/keys{part}"): [
            (f"/api/keys{part}?tenant={tenant}&kind={kind}&key={key}", None)
            for tenant in ("acme", "other")
            for kind, key in (("campaign", "spring"), ("provider", "gmail"), ("tenant", tenant), ("campaign", "secret"))
        ]
        for part in ("", "/replies", "/events")
    },
    **{
        ("GET", f"/api/recipients/{{key}}{part}"): [
            (f"/api/recipients/{who}{part}{of}", None)
            for who in ("ann", "bob")
            for of in ("", "?tenant=acme", "?tenant=other")
        ]
        for part in ("", "/timeline", "/standing")
    },
    **{
        ("POST", f"/api/recipients{part}"): [(f"/api/recipients{part}", who) for who in (ANN, BOB)]
        for part in ("", "/timeline", "/standing")
    },
}
BESIDE = {("GET", "/api/me"), ("GET", "/api/stream")}  # who one is; and a test of its own


def test_every_route_is_asked() -> None:
    assert set(ASKED) | BESIDE == set(ROUTES), "say here what to ask of the new route"
    assert not set(ASKED) & OPEN


async def answers(process: StoreProcess, sees: Sequence[str], *configured: str) -> dict[str, Answer]:
    async with house(process, sees, *configured) as asked:
        found = {
            f"{method} {path} {body or ''}": await asked.ask(method, path, body)
            for (method, _), cases in ASKED.items()
            for path, body in cases
        }
        found["rulings"] = 0, sorted((said.tenant, said.decision_id, said.verb, said.who) for said in asked.said)
        found["looks"] = 0, sorted({(look.tenant, look.recipient_key, look.part, look.who) for look in asked.looks})
    return found


async def test_who_has_one_tenant_sees_what_they_would_see_alone(alone: StoreProcess, shared: StoreProcess) -> None:
    expected = await answers(alone, ["*"], "acme")
    got = await answers(shared, ["acme"], "acme", "other")
    for asked, answer in expected.items():
        assert got[asked] == answer, asked
    assert sum(status == 200 for status, _ in got.values()) > 40
    parts = ("profile", "standing", "timeline")
    assert got["looks"] == (0, [("acme", who, part, "dana") for who in ("ann", "bob") for part in parts])
    assert got["rulings"] == (0, [("acme", "d1", "revert", "dana"), ("acme", "w1", "approve", "dana")])
    leaky = await answers(shared, ["*"], "acme", "other")  # the same questions do tell the two stores apart
    unlike = {asked for asked, answer in expected.items() if leaky[asked] != answer}
    assert {f"GET /api/queries/{name}?{SPAN} " for name in ("totals", "scores", "decisions", "pipeline")} <= unlike
    assert len(unlike) > 40


async def test_live_panels_are_those_of_the_viewers_tenants(alone: StoreProcess, shared: StoreProcess) -> None:
    async with house(alone, ["*"], "acme") as one, house(shared, ["acme"], "acme", "other") as other:
        expected, got = await one.panels(), await other.panels()
    assert set(got) == {panel.query for panel in PANELS}
    for name, panel in expected.items():
        assert got[name] == panel, name


async def test_a_viewer_of_all_and_one_of_some_watch_at_the_same_time(shared: StoreProcess) -> None:
    async with house(shared, ["acme"], "acme", "other") as some, house(shared, ["*"], "acme", "other") as everything:
        few, all_ = await asyncio.gather(some.panels(), everything.panels())
    assert few["totals"]["rows"] != all_["totals"]["rows"]


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Every table with its sample record of two tenants."""
    process = StoreProcess(tmp_path_factory.mktemp("samples") / "store")
    client = process.start()
    apply_tables(client)
    for spec in TABLES:
        record = sample(spec)
        store_records(client, [replace(record, tenant=tenant) for tenant in ("acme", "other")])
    yield client
    client.close()
    process.stop()


def tables(client: Client, *, having_tenants: bool) -> list[str]:
    """The tables and views; one with parameters has no columns before it is asked."""
    found = client.query(
        "SELECT t.name, countIf(c.name = 'tenant') FROM system.tables AS t LEFT JOIN system.columns AS c"
        " ON c.table = t.name AND c.database = t.database WHERE t.database = 'mailweir' GROUP BY t.name ORDER BY t.name"
    )
    return [name for name, count in found.result_rows if bool(count) is having_tenants]


def tenants_in(client: Any, table: str) -> set[str]:
    found = client.query(f"SELECT DISTINCT tenant FROM mailweir.{table}", parameters={})
    return {row[0] for row in found.result_rows}


def test_no_table_and_no_view_shows_a_row_of_another_tenant(samples: Client) -> None:
    mine, nothing = Scoped(samples, scope_of(["acme"])), Scoped(samples, NOTHING)
    filled = {spec.table for spec in TABLES}
    for table in tables(samples, having_tenants=True):
        assert tenants_in(mine, table) <= {"acme"}, table
        assert tenants_in(nothing, table) == set(), table
        if table in filled:
            assert tenants_in(samples, table) == {"acme", "other"}, table
            assert tenants_in(mine, table) == {"acme"}, table
        with mine.query_rows_stream(f"SELECT tenant FROM {table}", parameters={}) as rows:
            assert {row[0] for row in rows} <= {"acme"}, table


def test_a_table_without_tenants_is_one_of_the_stores_own(samples: Client) -> None:
    assert set(tables(samples, having_tenants=False)) == OF_NOBODY | {"recipient_profiles"}


def test_a_view_with_parameters_shows_no_stranger(samples: Client) -> None:
    asked = "SELECT count() FROM mailweir.recipient_profiles(tenant = 'other', at = now64())"
    assert samples.query(asked).result_rows[0][0]
    assert not Scoped(samples, scope_of(["acme"])).query(asked, parameters={}).result_rows[0][0]


@pytest.mark.parametrize("names", [["acme", "other"], ["x", "acme", "other", "z.z_z-9"]])
def test_several_tenants_are_seen_together(samples: Client, names: list[str]) -> None:
    assert tenants_in(Scoped(samples, scope_of(names)), "email_events") == {"acme", "other"}


def test_no_name_of_a_tenant_reaches_further(samples: Client) -> None:
    for name in ("x') OR 1 --", "\\', \\'other", "other'", "", "ACME"):
        assert tenants_in(Scoped(samples, scope_of([name])), "email_events") == set()
        assert scope_of([name]) == Scope(frozenset())
