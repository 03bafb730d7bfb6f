"""People's words on decisions as a browser or a script says them; store and log are fakes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from dashboards.console.app import STATIC, build_console
from dashboards.console.security import same_origin_guard
from dashboards.decisions import FOREVER_MS
from schemas.errors import Transient
from schemas.remediation import Ruling, Verb
from schemas.rulings import WHEN
from tests.unit.dashboards.fakes import Clock, FakeStore

ROW: dict[str, Any] = {
    **dict.fromkeys(
        ("kind", "level", "previous_level", "reason", "cause", "campaign_id", "sending_ip", "ip_pool"), "x"
    ),
    **dict.fromkeys(("mailbox_provider", "policy_version", "key_state", "reverts", "reverted_by", "verb", "who"), ""),
    **dict.fromkeys(("first_signal_at", "as_of", "expires_at", "ruled_at"), 0),
    **dict.fromkeys(("sources", "drivers", "statuses", "attempts", "http_statuses", "details", "executed_times"), ()),
    **dict.fromkeys(("ruling_ids", "ruling_verbs", "ruling_people", "ruling_reasons", "ruling_times"), ()),
    "decision_id": "d1",
    "tenant": "acme",
    "key": "spring",
    "action": "pause_campaign",
    "mode": "approve",
    "state": "waiting",
    "why": "",
    "share": 0.0,
    "decided_at": 1_759_999_000_000,
    "evidence": '{"sent": 7}',
}
WORD = {"who": "dana", "why": "It is right."}
Client = TestClient[Any, Any]


class FakeLog:
    """Keeps what is written; can be away, and can keep a caller waiting."""

    def __init__(self) -> None:
        self.written: list[Ruling] = []
        self.is_away = False
        self.open = asyncio.Event()
        self.open.set()

    async def append(self, ruling: Ruling) -> None:
        await self.open.wait()
        if self.is_away:
            raise Transient("no Kafka broker answers at 127.0.0.1:9092", 1.0)
        self.written.append(ruling)


@asynccontextmanager
async def console(log: FakeLog | None, *rows: dict[str, Any], **options: Any) -> AsyncIterator[Client]:
    store = FakeStore({"decisions": (list(ROW), [[{**ROW, **row}[name] for name in ROW] for row in rows])})
    app = build_console(store.client, Clock(), append=log.append if log else None, **options)
    async with TestClient(TestServer(app)) as client:
        yield client


async def post(client: Client, path: str, word: Any = WORD, **headers: str) -> tuple[int, dict[str, Any]]:
    answer = await client.post(f"/api/decisions/{path}", json=word, headers=headers)
    return answer.status, await answer.json()


async def test_an_approval_is_answered_once_the_log_has_it() -> None:
    log = FakeLog()
    log.open.clear()
    async with console(log, {}) as client:
        answer = asyncio.create_task(post(client, "d1/approve"))
        done, _ = await asyncio.wait({answer}, timeout=0.2)
        assert not done
        log.open.set()
        status, said = await answer
    (ruling,) = log.written
    assert (status, said["state"], said["is_repeat"]) == (202, "approved", False)
    assert (ruling.tenant, ruling.decision_id, ruling.verb, ruling.who, ruling.why) == (
        *("acme", "d1", "approve"),
        *WORD.values(),
    )
    assert said["ruling_id"] == ruling.ruling_id


async def test_before_the_store_knows_of_a_ruling_the_console_does() -> None:
    log = FakeLog()
    async with console(log, {}) as client:
        await post(client, "d1/approve")
        shown = await (await client.get("/api/decisions/d1")).json()
        assert (shown["state"], shown["who"], shown["possible"]) == ("approved", "dana", [])
        assert [ruling["why"] for ruling in shown["rulings"]] == ["It is right."]
        status, refused = await post(client, "d1/reject")
    assert status == 409
    assert refused["error"].startswith("The decision was approved by dana and is on its way; only one that waits")
    assert len(log.written) == 1


async def test_a_second_revert_is_refused() -> None:
    log = FakeLog()
    async with console(log, {"state": "done"}) as client:
        assert (await post(client, "d1/revert"))[0] == 202
        status, refused = await post(client, "d1/revert")
    assert (status, len(log.written)) == (409, 1)
    assert "is being reverted by dana" in refused["error"]


async def test_a_repeat_with_the_same_key_gets_the_same_answer_and_writes_nothing() -> None:
    log, key = FakeLog(), {"Idempotency-Key": "k1"}
    async with console(log, {}) as client:
        first = await post(client, "d1/approve", **key)
        again = await post(client, "d1/approve", **key)
        other = await post(client, "d1/approve", {"who": "lee", "why": "x"}, **key)
    assert again == (202, {**first[1], "is_repeat": True})
    assert other[0] == 422
    assert len(log.written) == 1


async def test_after_a_restart_a_repeat_is_known_from_the_store() -> None:
    log, key = FakeLog(), {"Idempotency-Key": "k1"}
    async with console(log, {}) as client:
        _, first = await post(client, "d1/approve", **key)
    stored = {
        "state": "done",
        "ruling_ids": [first["ruling_id"]],
        "ruling_verbs": ["approve"],
        "ruling_people": ["dana"],
        "ruling_reasons": ["It is right."],
        "ruling_times": [first["ruled_at"]],
    }
    async with console(log, stored) as client:
        assert await post(client, "d1/approve", **key) == (202, {**first, "is_repeat": True})
    assert len(log.written) == 1


async def test_of_two_words_at_once_one_is_taken() -> None:
    log = FakeLog()
    log.open.clear()
    async with console(log, {}) as client:
        first = asyncio.create_task(post(client, "d1/approve"))
        second = asyncio.create_task(post(client, "d1/reject"))
        await asyncio.wait({first, second}, return_when=asyncio.FIRST_COMPLETED, timeout=10)
        log.open.set()
        assert sorted([(await first)[0], (await second)[0]]) == [202, 409]
    assert len(log.written) == 1


async def test_without_a_broker_the_word_is_not_taken_and_may_be_said_again() -> None:
    log = FakeLog()
    log.is_away = True
    async with console(log, {}) as client:
        answer = await client.post("/api/decisions/d1/approve", json=WORD)
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "1"
        assert "no Kafka broker" in (await answer.json())["error"].replace("No", "no")
        log.is_away = False
        assert (await post(client, "d1/approve"))[0] == 202
    async with console(None, {}) as client:
        assert (await post(client, "d1/approve"))[0] == 503


@pytest.mark.parametrize(
    ("word", "status", "sentence"),
    [
        ({"who": "dana", "why": " "}, 422, "The field why is empty; say the reason."),
        ({"why": "x"}, 422, "The field who is empty; say your name."),
        ({"who": "dana", "why": "x", "when": 1}, 422, "'when' is unknown here; say who and why."),
        ({"who": "dana", "why": 7}, 422, "why must be a text"),
        (["dana"], 422, "The body must be a JSON object"),
        ({"who": "dana", "why": "x" * 20_000}, 413, "The body is larger than 16000 bytes."),
    ],
)
async def test_a_word_that_is_none_is_refused_with_a_sentence(word: Any, status: int, sentence: str) -> None:
    log = FakeLog()
    async with console(log, {}) as client:
        answer = await post(client, "d1/approve", word)
    assert answer[0] == status
    assert sentence.lower() in answer[1]["error"].lower()
    assert not log.written


async def test_a_decision_that_does_not_exist_is_404() -> None:
    async with console(FakeLog()) as client:
        assert await post(client, "nope/approve") == (404, {"error": "There is no decision 'nope'."})
        assert (await client.get("/api/decisions/nope")).status == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 202),  # no browser
        ({"Sec-Fetch-Site": "same-origin"}, 202),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://mail.corp.example"}, 202),  # trusted by the operator
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),  # another port is another origin
    ],
)
async def test_only_the_consoles_own_page_may_rule(headers: dict[str, str], status: int) -> None:
    log = FakeLog()
    async with console(log, {}, trusted_hosts=["mail.corp.example"]) as client:
        assert (await post(client, "d1/approve", **headers))[0] == status
    assert len(log.written) == (status == 202)


@pytest.mark.parametrize(
    ("host", "status"),
    [("192.0.2.7:8600", 202), ("[2001:db8::7]:8600", 202), ("mail.corp.example", 202), ("rebound.example:8600", 421)],
)
async def test_a_browser_rules_only_under_a_name_that_cannot_be_rebound(host: str, status: int) -> None:
    async def taken(_: web.Request) -> web.Response:
        return web.Response(status=202)

    app = web.Application(middlewares=[same_origin_guard({"mail.corp.example"})])  # as in a container: not by loopback
    app.router.add_post("/", taken)
    async with TestClient(TestServer(app)) as client:
        headers = {"Host": host, "Sec-Fetch-Site": "same-origin", "Origin": f"http://{host}"}
        assert (await client.post("/", json={}, headers=headers)).status == status


async def test_a_form_of_another_page_is_refused_by_its_type() -> None:
    log = FakeLog()
    async with console(log, {}) as client:
        own = {"Origin": str(client.make_url("/").origin())}
        assert (await post(client, "d1/approve", **own))[0] == 202
        for kind in ("text/plain", "application/x-www-form-urlencoded"):
            answer = await client.post("/api/decisions/d1/approve", data=b"{}", headers={"Content-Type": kind})
            assert answer.status == 415
    assert len(log.written) == 1


async def test_one_decision_comes_with_evidence_and_what_a_revert_would_do() -> None:
    async with console(FakeLog(), {"state": "done"}) as client:
        shown = await (await client.get("/api/decisions/d1")).json()
    assert shown["evidence"] == {"sent": 7}
    assert shown["possible"] == ["revert"]
    assert shown["revert"] == {
        "is_possible": True,
        "would": "The campaign spring is resumed; the detectors go on watching it.",
        "why_not": "",
    }


async def test_a_page_of_the_list_says_where_the_next_one_begins() -> None:
    rows = [{"decision_id": f"d{n}", "decided_at": 100 - n} for n in range(3)]
    async with console(FakeLog(), *rows) as client:
        found = await (await client.get("/api/decisions?limit=2&tenant=acme&state=waiting")).json()
        assert [row["decision_id"] for row in found["decisions"]] == ["d0", "d1"]
        assert found["next"] == "99-d1"
        assert "evidence" not in found["decisions"][0]
        rest = await (await client.get(f"/api/decisions?after={found['next']}")).json()
        assert rest["next"] is None


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("state=wating", "is none of open, waiting"),
        ("limit=0", "expected 1 to 200"),
        ("limit=x", "expected 1 to 200"),
        ("after=yesterday", "give back what `next`"),
        (f"after={FOREVER_MS}0-d", "give back what `next`"),
        ("tenent=a", "no parameter 'tenent'"),
    ],
)
async def test_a_bad_question_about_decisions_is_refused(query: str, sentence: str) -> None:
    async with console(FakeLog()) as client:
        answer = await client.get(f"/api/decisions?{query}")
        assert answer.status == 400
        assert sentence in (await answer.json())["error"]


async def test_what_became_of_peoples_words_is_counted() -> None:
    async with console(FakeLog(), {}) as client:
        await post(client, "d1/approve")
        await post(client, "d1/approve")
        text = await (await client.get("/metrics")).text()
    assert 'mailweir_rulings_total{result="taken",verb="approve"} 1.0' in text
    assert 'mailweir_rulings_total{result="refused",verb="approve"} 1.0' in text


def test_the_page_offers_what_the_rules_allow() -> None:
    offered = {state: [verb for verb in Verb if state in WHEN[verb]] for states in WHEN.values() for state in states}
    words = (STATIC / "words.js").read_text(encoding="utf-8")
    (line,) = [line for line in words.splitlines() if line.startswith("const VERBS")]
    for state, verbs in offered.items():
        quoted = ", ".join(f'"{verb}"' for verb in verbs)
        assert f"{state}: [{quoted}]" in line
    assert line.count("[") == len(offered)
