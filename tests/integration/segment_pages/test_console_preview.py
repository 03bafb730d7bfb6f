"""`/api/segments/preview` over a real store: whom a rule would mean, and what is wrong in it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from clickhouse_connect.driver.client import Client

from schemas.segments.rules import Segment
from streams.commands.segments import run_check
from streams.commands.segments_sql import run_preview
from tests.integration.segment_console import NOW, RULES, console, post
from tests.integration.store_process import StoreProcess


async def test_a_preview_is_what_the_command_says(
    process: StoreProcess, home: Path, client: Client, segments: list[Segment]
) -> None:
    recent = {
        "id": "recent",
        "tenant": "acme",
        "all": [{"segment": "buyers"}, {"event": {"name": "order_completed", "within": "20d"}}],
    }
    out = io.StringIO()
    run_preview(client, [Segment.model_validate(recent), *segments], "recent", out, NOW, as_json=True)
    async with console(process, home) as browser:
        as_object = await post(browser, "/api/segments/preview", {"rule": recent})
        as_text = await post(browser, "/api/segments/preview", {"rule": yaml.safe_dump(recent)})
    assert as_text == as_object == json.loads(out.getvalue()) | {"findings": []}
    assert (as_text["size"], len(as_text["sample"])) == (20, 10)


async def test_a_preview_of_a_segment_that_is_there_is_of_what_was_sent(process: StoreProcess, home: Path) -> None:
    async with console(process, home) as browser:
        found = await post(
            browser, "/api/segments/preview", {"rule": "id: buyers\nevent: {name: order_completed}", "tenant": "acme"}
        )
    assert found["size"] == 41


WRONG = (
    "id: c\nevent: {name: page, within: 30}\n",
    "id: c\nevent: {name: email_open}\n",
    "id: c\nsegment: buyer\n",
    "id: c\nevnt: {name: page}\n",
    "event: {name: page}\n",
    "",
    "id: c\nall: [{event: {name: page}}, {event: {name: page, count: 0}}]\n",
    "id: c\nsegment: c\n",
    "- id: c\n  event: {name: page}\n- id: c\n  event: {name: page}\n",
)


@pytest.mark.parametrize("rule", WRONG)
async def test_what_is_wrong_in_a_rule_is_said_as_the_check_says_it(
    process: StoreProcess, home: Path, tmp_path: Path, rule: str
) -> None:
    folder = tmp_path / "segments"
    folder.mkdir()
    (folder / "acme.yaml").write_text(RULES)
    (folder / "pasted.yaml").write_text(rule if not rule.startswith("id:") else f"tenant: acme\n{rule}")
    out = io.StringIO()
    run_check([folder], out, as_json=True)
    checked = [each for each in json.loads(out.getvalue())["findings"] if each["file"].endswith("pasted.yaml")]
    assert checked
    async with console(process, home) as browser:
        answer = await browser.post("/api/segments/preview", json={"rule": rule, "tenant": "acme"})
        found = await answer.json()
    is_wrong = any(each["severity"] == "error" for each in checked)
    assert answer.status == (422 if is_wrong else 200)
    assert len(found["findings"]) == len(checked)
    for said, wanted in zip(found["findings"], checked, strict=True):
        assert (said["severity"], said["sentence"]) == (wanted["severity"], wanted["sentence"])
    if is_wrong:
        assert checked[0]["sentence"] in found["error"]


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        ({}, 422, "Say `rule`, a text of YAML or an object"),
        ({"rule": 5}, 422, "Say `rule`, a text of YAML or an object"),
        ({"rule": "id: c\nevent: {name: page}", "tenant": "nobody"}, 422, "No tenant is called 'nobody'"),
        ({"rule": "[{id: a, event: {name: page}}, {id: b, event: {name: page}}]"}, 422, "There are 2 segments"),
        ({"rule": "#" * 300_000}, 413, "The body is larger than 262144 bytes."),
        ({"rule": "id: c\n  event: [\n"}, 422, "line 2: not valid YAML"),
        ({"rule": "[" * 100_000}, 422, "line 1: lists and objects are nested deeper than 60"),
    ],
)
async def test_a_preview_that_cannot_be_asked_is_refused_with_a_sentence(
    process: StoreProcess, home: Path, body: Any, status: int, sentence: str
) -> None:
    async with console(process, home) as browser:
        assert (await post(browser, "/api/segments/preview", body, status))["error"].startswith(sentence)


async def test_an_object_without_end_is_refused(process: StoreProcess, home: Path) -> None:
    deep = '{"rule": ' + '{"not": ' * 20_000 + "1" + "}" * 20_001
    async with console(process, home) as browser:
        answer = await browser.post("/api/segments/preview", data=deep, headers={"Content-Type": "application/json"})
        assert answer.status == 422
