"""The console's API against its document: every route is in it, every answer is as it says, every example works."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from jsonschema import Draft202012Validator

from dashboards.console import api_page
from dashboards.console.app import build_console
from dashboards.console.openapi import Operation, document, operations, resolved
from schemas.aggregates import ReputationPartial, ReputationScore
from schemas.events import EmailEvent, EventType
from schemas.failures import DeadLetter
from schemas.remediation import Decision, Outcome
from schemas.replays import Wish
from schemas.topics import WEBHOOKS
from sinks.clickhouse import connect
from streams.core.replay import Letter
from tests.integration.backtest_cases import store_records
from tests.integration.segment_console import NOW, console, filled_store
from tests.integration.store_process import StoreProcess

OPERATIONS = {operation.about["operationId"]: operation for operation in operations()}
STREAM = "stream"  # no answer that ends
Browser = TestClient[Any, Any]


def decision(id_: str, mode: str) -> Decision:
    return Decision(
        decision_id=id_, tenant="acme", kind="campaign", key="spring", campaign_id="spring", action="pause_campaign",
        mode=mode, level="paused", previous_level="watch", reason="98 of 1,240 messages bounced, tolerable are 4 %.",
        evidence='{"sent": 1240}', policy_version="3", decided_at=NOW - 60_000, expires_at=NOW + 3_600_000, share=0.0,
    )  # fmt: skip


OUTCOME = Outcome(
    outcome_id="o", decision_id="d2", tenant="acme", kind="campaign", key="spring", action="pause_campaign",
    source="sg", driver="sendgrid",
    status="done", attempt=1, http_status=204, detail="paused", executed_at=NOW - 30_000,
)  # fmt: skip
SENT = EmailEvent(
    event_id="e1", tenant="acme", source="sg", provider="sendgrid", event_type=EventType.DELIVERED,
    occurred_at=NOW - 60_000, received_at=NOW - 60_000, recipient_key="r01", mailbox_provider="gmail",
    campaign_id="spring",
)  # fmt: skip

SCORE = ReputationScore(
    tenant="acme", kind="campaign", key="spring", as_of=NOW - 60_000, window_start=0, version=NOW // 1000 << 32,
    score=90.0, score_low=85.0, score_high=95.0, level="healthy", scored_at=NOW - 59_000,
)  # fmt: skip
COUNTED = ReputationPartial(
    tenant="acme", kind="campaign_provider", key="spring|gmail", source="sg", minute=NOW - 120_000, partition=0,
    applied_offset=1, watermark=NOW, delivered=1,
)  # fmt: skip


LETTER = DeadLetter(
    dead_letter_id="l1", tenant="acme", source="sg", provider="sendgrid", stage="normalise", code="wrong_shape",
    reason="expected a list", received_at=NOW - 60_000, origin_topic=WEBHOOKS.name, origin_partition=0, origin_offset=7,
    item_index=-1, original=b'{"a": 1}',
)  # fmt: skip


class Desk:
    """Takes every replay and does nothing."""

    def begin(self, letters: Sequence[Letter], of: Wish) -> None:
        self.of = (letters, of)

    def state(self) -> dict[str, Any] | None:
        return None


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("api")


@pytest.fixture(scope="module")
def store(home: Path) -> Iterator[StoreProcess]:
    with filled_store(home) as process:
        client = connect(process.url)
        for record in (decision("d1", "approve"), decision("d2", "act"), OUTCOME, SENT, SCORE, COUNTED, LETTER):
            store_records(client, [record])
        client.close()
        yield process


@pytest.fixture
async def browser(store: StoreProcess, home: Path) -> AsyncIterator[Browser]:
    async def append(_record: Any) -> None:
        """The log has it."""

    async with console(store, home, append=append, note=append, replays=Desk()) as found:
        yield found


@pytest.fixture
async def without_store(store: StoreProcess, home: Path) -> AsyncIterator[Browser]:
    async def note(_look: Any) -> None:
        """The log has it."""

    async with console(StoreProcess(home / "never started"), home, note=note) as found:
        yield found


async def ask(browser: Browser, operation: Operation, url: str = "", body: Any = None, **more: Any) -> tuple[int, Any]:
    """The answer's status and body, which is as the document says."""
    given = operation.body if body is None else body
    sent: dict[str, Any] = (
        {"headers": operation.headers()}
        if operation.method == "get"
        else {"data": given, **JSON}
        if isinstance(given, str)
        else {"json": given}
    )
    async with browser.request(operation.method, url or operation.url(), **sent, **more) as answer:
        text = await answer.text()
        assert str(answer.status) in operation.about["responses"], f"{answer.status} is not documented: {text[:300]}"
        content = resolved(operation.about["responses"][str(answer.status)])["content"]
        assert answer.content_type in content
        found = json.loads(text) if answer.content_type == "application/json" else text
        check(found, content[answer.content_type].get("schema", {}))
        return answer.status, found


JSON: dict[str, Any] = {"headers": {"Content-Type": "application/json"}}


def check(found: Any, schema: dict[str, Any]) -> None:
    validator = Draft202012Validator({**schema, "components": document()["components"]})
    errors = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(found)]
    assert not errors, errors[:5]


def test_every_route_is_in_the_document_and_nothing_else_is() -> None:
    app = build_console(lambda: None, lambda: NOW)  # type: ignore[arg-type, return-value] # nobody asks a store
    routed = {
        (route.method.lower(), route.resource.canonical)
        for route in app.router.routes()
        if route.resource and route.method != "HEAD" and not isinstance(route.resource, web.StaticResource)
    }
    machines = {
        each for each in routed if each[1].startswith("/api/") or each[1] in {"/healthz", "/readyz", "/metrics"}
    }
    assert machines == {(operation.method, operation.path) for operation in OPERATIONS.values()}


def test_the_document_has_a_schema_that_is_one_and_no_loose_end() -> None:
    for schema in document()["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for operation in OPERATIONS.values():
        for answer in operation.about["responses"].values():
            assert resolved(answer)["description"].endswith(".")
        for parameter in operation.parameters:
            assert parameter["in"] != "path" or "example" in parameter, operation.path
        assert operation.method == "get" or operation.body is not None, operation.path


def test_the_page_is_what_the_document_says() -> None:
    assert api_page.PAGE.read_text(encoding="utf-8") == api_page.page(), "run `python -m dashboards.console.api_page`"


@pytest.mark.parametrize("name", sorted(OPERATIONS.keys() - {STREAM}))
async def test_every_example_is_answered_as_the_document_says(browser: Browser, name: str) -> None:
    status, found = await ask(browser, OPERATIONS[name])
    assert status < 300, found


class Refused(NamedTuple):
    """A request that is refused: what differs from the example."""

    name: str
    status: int
    url: str = ""
    body: Any = None


LARGE = '"' + "x" * 300_000 + '"'
WORDS = ("approve", "reject", "revert")
PARTS = {"recipient": "", "timeline": "/timeline", "standing": "/standing"}
KEY_PARTS = {"": "", "_replies": "/replies", "_events": "/events"}
REFUSED = (
    Refused("ask", 400, "/api/queries/totals?limit=many"),
    Refused("ask", 404, "/api/queries/totls"),
    Refused("decisions", 400, "/api/decisions?limit=0"),
    Refused("decision", 404, "/api/decisions/none"),
    *(Refused(verb, 404, f"/api/decisions/none/{verb}") for verb in WORDS),
    Refused("approve", 409, "/api/decisions/d2/approve"),
    Refused("reject", 409, "/api/decisions/d2/reject"),
    Refused("revert", 409, "/api/decisions/d1/revert"),
    *(Refused(verb, 413, body=LARGE) for verb in WORDS),
    *(Refused(verb, 422, body={"who": "dana", "wy": "a typo"}) for verb in WORDS),
    Refused("connectors", 400, "/api/connectors?tenant=acme"),
    Refused("dead_letters", 400, "/api/dead-letters?state=lost"),
    Refused("dead_letter", 404, "/api/dead-letters/none"),
    Refused("replay", 409, body={"ids": ["none"], "who": "dana", "why": "mended"}),
    Refused("replay", 413, body=LARGE),
    Refused("replay", 422, body={"ids": ["l1"], "who": "dana"}),
    Refused("segments", 400, "/api/segments?limit=x"),
    Refused("segment", 400, "/api/segments/buyers?span=1y"),
    Refused("segment", 404, "/api/segments/byers"),
    Refused("explain_by_key", 400, "/api/segments/buyers/explain?recipient=ada@example.test"),
    Refused("explain_by_key", 404, "/api/segments/byers/explain?recipient=r01"),
    Refused("explain_by_key", 422, "/api/segments/buyers/explain"),
    Refused("explain", 400, "/api/segments/both/explain", {"recipient": "r01"}),
    Refused("explain", 404, body={"recipient": "nobody", "tenant": "acme"}),
    Refused("explain", 422, body={"recipient": 7}),
    Refused("memberships", 400, body={"recipient": "r01"}),
    Refused("memberships", 404, body={"recipient": "nobody", "tenant": "acme"}),
    Refused("memberships", 422, body=[]),
    Refused("preview", 413, body=LARGE),
    Refused("preview", 422, body={"rule": "id: a\nevnt: {name: page}"}),
    Refused("campaigns", 400, "/api/campaigns?limit=0"),
    Refused("campaign", 400, "/api/campaigns/spring?since=1"),
    Refused("campaign", 404, "/api/campaigns/sprng"),
    *(Refused(part, 400, body={"recipient": "r01", "who": "dana"}) for part in PARTS),
    *(Refused(part, 404, body={"recipient": "r01", "tenant": "acmee", "who": "dana"}) for part in PARTS),
    *(Refused(part, 413, body=LARGE) for part in PARTS),
    *(Refused(part, 422, body={"recipient": "r01", "tenant": "acme"}) for part in PARTS),
    *(Refused(f"{part}_by_key", 400, f"/api/recipients/r01{path}") for part, path in PARTS.items()),
    *(Refused(f"{part}_by_key", 404, f"/api/recipients/r01{path}?tenant=acmee") for part, path in PARTS.items()),
    *(Refused(f"{part}_by_key", 422, f"/api/recipients/{'x' * 400}{path}?tenant=acme") for part, path in PARTS.items()),
    *(Refused(f"key{part}", 400, f"/api/keys{path}?tenant=acme&kind=ip") for part, path in KEY_PARTS.items()),
    Refused("key", 404, "/api/keys?tenant=acme&kind=ip&key=none"),
    Refused("key_events", 404, "/api/keys/events?tenant=acme&kind=ip&key=none&reply=none"),
)


@pytest.mark.parametrize("refused", REFUSED, ids=lambda each: f"{each.name}-{each.status}")
async def test_what_is_refused_is_refused_in_a_sentence(browser: Browser, refused: Refused) -> None:
    status, found = await ask(browser, OPERATIONS[refused.name], refused.url, refused.body)
    assert status == refused.status, found
    assert found["error"].endswith((".", "?"))


def test_every_refusal_of_the_document_is_tried() -> None:
    said = {(name, int(status)) for name, each in OPERATIONS.items() for status in each.about["responses"]}
    assert {each for each in said if 400 <= each[1] < 500} == {(each.name, each.status) for each in REFUSED}


@pytest.mark.parametrize("name", sorted(OPERATIONS.keys() - {STREAM}))
async def test_without_a_store_it_is_said_when_to_ask_again(without_store: Browser, name: str) -> None:
    status, _ = await ask(without_store, OPERATIONS[name])
    assert (status == 503) == ("503" in OPERATIONS[name].about["responses"])


async def test_an_answer_that_has_not_changed_is_not_sent_again(browser: Browser) -> None:
    async with browser.get("/api/decisions") as first:
        tag = first.headers["ETag"]
    for tags, status in ((tag, 304), (f'"other", {tag}', 304), ("*", 304), ('"other"', 200)):
        async with browser.get("/api/decisions", headers={"If-None-Match": tags}) as again:
            assert (again.status, again.headers["ETag"]) == (status, tag)
            assert bool(await again.read()) == (status == 200)
    async with browser.get("/api/decisions?limit=1") as other:
        assert other.headers["ETag"] != tag
