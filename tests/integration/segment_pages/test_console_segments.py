"""`/api/segments` over a real store: the list, one segment, why somebody is in it."""

from __future__ import annotations

import io
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from clickhouse_connect.driver.client import Client

from dashboards.console.app import build_console
from dashboards.segments.why import Asked
from schemas.segments.rules import Segment
from sinks.clickhouse import connect
from streams.commands.segments_list import run_list
from streams.commands.segments_why import run_explain
from tests.integration.segment_console import ADA, HOUR, NOW, console, get, post, written
from tests.integration.store_process import StoreProcess


async def test_the_list_has_what_is_stored_beside_what_the_files_say(process: StoreProcess, home: Path) -> None:
    async with console(process, home) as browser:
        found = await get(browser, "/api/segments")
    rows = {(row["tenant"], row["id"]): row for row in found["segments"]}
    assert [(place, row["status"], row["size"]) for place, row in rows.items()] == [
        (("acme", "archived"), "archived", 1), (("acme", "both"), "building", 0), (("acme", "buyers"), "live", 2),
        (("acme", "new-one"), "building", 1), (("other", "both"), "building", 0),
    ]  # fmt: skip
    buyers = rows["acme", "buyers"]
    assert (buyers["entered"], buyers["exited"]) == (2, 1)
    assert (buyers["live_since"], buyers["last_change_at"]) == (NOW - 36 * HOUR, NOW - HOUR)
    assert buyers["description"] == "Bought in the last 30 days"
    assert len(buyers["trend"]) == 25
    assert buyers["trend"][-4:] == [2, 3, 2, 2]
    assert rows["acme", "new-one"]["live_since"] == 0
    assert found["next"] is None
    assert not found["wrong"]


async def test_the_list_can_be_of_one_tenant_and_page_by_page(process: StoreProcess, home: Path) -> None:
    async with console(process, home) as browser:
        only = await get(browser, "/api/segments?tenant=other")
        assert [row["id"] for row in only["segments"]] == ["both"]
        first = await get(browser, "/api/segments?limit=3")
        rest = await get(browser, f"/api/segments?limit=3&after={first['next']}")
    assert [row["id"] for row in first["segments"] + rest["segments"]] == [
        "archived", "both", "buyers", "new-one", "both"
    ]  # fmt: skip
    assert rest["next"] is None


async def test_the_list_is_what_the_command_prints(
    process: StoreProcess, home: Path, client: Client, segments: list[Segment]
) -> None:
    out = io.StringIO()
    assert run_list(client, segments, "acme", out, NOW, as_json=True) == 0
    told = [json.loads(line) for line in out.getvalue().splitlines()]
    async with console(process, home) as browser:
        rows = (await get(browser, "/api/segments?tenant=acme"))["segments"]
    same = ("id", "tenant", "status", "size", "entered", "exited", "rule_version", "description")
    assert [{name: row[name] for name in same} for row in rows] == [
        {name: each[name] for name in same} for each in told
    ]
    assert told[2]["live_since"] == "2026-03-25T12:00:00.000Z"
    assert told[1]["live_since"] is None
    out = io.StringIO()
    assert run_list(client, segments, "", out, NOW) == 0
    assert out.getvalue().splitlines()[:4] == [
        "SEGMENT        STATUS    SIZE  LIVE SINCE (UTC)  ENTERED 24H  LEFT 24H",
        "acme/archived  archived     1  -                           0         0",
        "acme/both      building     0  -                           0         0",
        "acme/buyers    live         2  2026-03-25 12:00            2         1",
    ]


async def test_one_segment_has_its_rule_its_size_over_time_and_who_came_and_went(
    process: StoreProcess, home: Path
) -> None:
    async with console(process, home) as browser:
        found = (await get(browser, "/api/segments/buyers?span=2h"))["segment"]
        assert (len(found["times"]), found["times"][-1], found["sizes"][-1]) == (121, NOW, 2)
        at = dict(zip(found["times"], found["sizes"], strict=True))
        assert (at[NOW - 2 * HOUR], at[NOW - HOUR - 60_000], at[NOW - HOUR]) == (3, 3, 2)
        assert found["rule"] == "event: {name: order_completed, within: 30d}"
        assert [(row["recipient_key"], row["is_member"]) for row in found["transitions"]] == [
            ("r02", 0), ("r03", 1), ("r02", 1), ("r01", 1)
        ]  # fmt: skip
        for span, points in (("7d", 169), ("90d", 91), ("15m", 181)):
            assert len((await get(browser, f"/api/segments/buyers?span={span}&limit=1"))["segment"]["times"]) == points
        new = (await get(browser, "/api/segments/both?tenant=other"))["segment"]
        assert (new["status"], new["times"], new["transitions"]) == ("building", [], [])


async def test_many_who_ask_the_same_ask_the_store_once(process: StoreProcess, home: Path) -> None:
    asked: list[str] = []

    class Counting:
        def __init__(self) -> None:
            self._client = connect(process.url)

        def query(self, query: str, *given: Any, **more: Any) -> Any:
            asked.append(query)
            return self._client.query(query, *given, **more)

        def close(self) -> None:
            self._client.close()

    app = build_console(Counting, lambda: NOW)  # type: ignore[arg-type]  # as much of a client as is used
    async with TestClient(TestServer(app)) as browser:
        for _ in range(5):
            await get(browser, "/api/segments")
    assert len(asked) == 3


async def test_why_somebody_is_in_a_segment_is_what_the_command_says(
    process: StoreProcess, home: Path, client: Client, segments: list[Segment]
) -> None:
    for id_, path in (("buyers", "/api/segments/buyers/explain"), ("", "/api/segments/explain")):
        out = io.StringIO()
        asked = Asked(tenant="acme", recipient_key=ADA, segment_id=id_, at=NOW)
        run_explain(client, segments, asked, out, as_json=True)
        async with console(process, home) as browser:
            by_address = await post(browser, path, {"recipient": "Ada@example.test", "tenant": "acme"})
            by_key = await post(browser, path, {"recipient": ADA, "tenant": "acme"})
        assert by_address == by_key == json.loads(out.getvalue())
    assert "example.test" not in json.dumps(by_address)


async def test_a_key_may_stand_in_a_url_and_an_address_may_not(process: StoreProcess, home: Path) -> None:
    async with console(process, home) as browser:
        found = await get(browser, f"/api/segments/buyers/explain?recipient={ADA}")
        assert found["segments"][0]["until"] == "2026-04-21T00:00:00.000Z"
        refused = await get(browser, "/api/segments/buyers/explain?recipient=ada@example.test", 400)
        assert refused["error"].startswith("An address does not belong into a URL; post it")


async def test_no_address_comes_into_the_log(
    process: StoreProcess, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with console(process, home) as browser:
        await post(browser, "/api/segments/buyers/explain", {"recipient": "eve@example.test"}, 404)
        await post(browser, "/api/segments/buyers/explain", {"recipient": "ada@example.test"})
    assert "example.test" not in caplog.text


@pytest.mark.parametrize(
    ("path", "body", "status", "sentence"),
    [
        ("buyers", {}, 422, "Say `recipient`, an address or a key of at most 320 characters."),
        ("buyers", {"recipient": "x" * 321}, 422, "Say `recipient`"),
        ("buyers", {"recipient": 5}, 422, "Recipient must be a text."),
        ("buyers", {"recipent": "x"}, 422, "'recipent' is unknown here; did you mean `recipient`?"),
        ("buyers", ["x"], 422, 'The body must be a JSON object like {"recipient": "ada@example.test"}.'),
        ("buyers", {"recipient": "x" * 21_000}, 413, "The body is larger than 20480 bytes."),
        ("buyer", {"recipient": "x"}, 404, "No file has a segment 'buyer'; did you mean `buyers`?"),
        ("both", {"recipient": "x"}, 400, "Several tenants have that; choose with `tenant` one of acme, other."),
        ("buyers", {"recipient": "x", "tenant": "other"}, 404, "The tenant 'other' has no such segment"),
        ("buyers", {"recipient": "nobody"}, 404, "No event of the recipient nobody of the tenant acme is stored"),
    ],
)
async def test_a_question_that_cannot_be_answered_is_refused_with_a_sentence(
    process: StoreProcess, home: Path, path: str, body: Any, status: int, sentence: str
) -> None:
    async with console(process, home) as browser:
        found = await post(browser, f"/api/segments/{path}/explain", body, status)
    assert found["error"].startswith(sentence)


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("?limit=0", 400, "limit: expected 1 to 1000, got '0'."),
        ("?tenent=a", 400, "no parameter 'tenent' here; known: tenant, limit, after."),
        ("?after=x", 400, "after: give back what `next` of the page before said."),
        (f"?tenant={'x' * 201}", 400, "tenant: 201 characters; at most 200 are allowed."),
        ("/buyers?span=1w", 400, "span: '1w' is none of 7d, 90d, 2h, 15m."),
        ("/buyer", 404, "There is no segment 'buyer'; did you mean `buyers`?"),
        ("/both", 400, "Several tenants have a segment 'both'; choose with `tenant` one of acme, other."),
    ],
)
async def test_a_bad_parameter_is_refused_with_a_sentence(
    process: StoreProcess, home: Path, path: str, status: int, sentence: str
) -> None:
    async with console(process, home) as browser:
        assert (await get(browser, f"/api/segments{path}", status))["error"] == sentence


async def test_files_that_become_wrong_change_nothing_and_it_is_said(process: StoreProcess, tmp_path: Path) -> None:
    written(tmp_path)
    clock = iter(range(NOW, NOW + 10**9, 5_000))
    async with console(process, tmp_path, clock.__next__) as browser:
        assert not (await get(browser, "/api/segments"))["wrong"]
        (tmp_path / "segments" / "acme.yaml").write_text("id: [\n")
        found = await get(browser, "/api/segments")
        assert "acme.yaml: line 2: not valid YAML" in found["wrong"]
        assert {row["id"] for row in found["segments"]} >= {"buyers", "both"}
        (tmp_path / "segments" / "acme.yaml").write_text("id: fresh\ntenant: acme\nevent: {name: page}\n")
        found = await get(browser, "/api/segments")
        assert not found["wrong"]
        assert "fresh" in {row["id"] for row in found["segments"]}


async def test_without_a_folder_of_segments_what_is_stored_is_live_and_nothing_is_explained(
    process: StoreProcess, home: Path
) -> None:
    async with console(process, home, rules=None) as browser:
        rows = (await get(browser, "/api/segments"))["segments"]
        assert {(row["id"], row["status"]) for row in rows} == {
            ("archived", "live"), ("buyers", "live"), ("new-one", "live")
        }  # fmt: skip
        refused = await post(browser, "/api/segments/explain", {"recipient": ADA}, 404)
        assert refused["error"].startswith("No segments are configured")
        assert (await post(browser, "/api/segments/preview", {"rule": "id: c\nevent: {name: order_completed}"}))[
            "size"
        ] == 41


async def test_a_page_of_another_site_cannot_ask(process: StoreProcess, home: Path) -> None:
    async with console(process, home) as browser:
        answer = await browser.post(
            "/api/segments/preview", json={"rule": "id: c"}, headers={"Sec-Fetch-Site": "cross-site"}
        )
        assert answer.status == 403
