"""The API of dead letters: pages, one letter with its bytes, and what begins a replay; the store is a fake."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from dashboards.advice import ADVICE
from dashboards.console.app import build_console
from schemas.replays import Wish
from schemas.rulings import RefusedError
from schemas.topics import REPUTATION_SCORES, WEBHOOKS
from streams.core.replay import Letter
from tests.unit.dashboards.fakes import Clock, FakeStore

ROOT = Path(__file__).parents[3]
FIELDS = {
    "failed_at": 1_000, "dead_letter_id": "a1", "tenant": "acme", "stage": "normalise", "code": "wrong_shape",
    "reason": "expected an object", "source": "hooks", "provider": "mailgun", "received_at": 1_000,
    "origin_topic": WEBHOOKS.name, "origin_partition": 0, "origin_offset": 7, "item_index": -1, "replays": 0,
    "replayed_at": 0, "replay_id": "", "replayed_by": "", "replayed_why": "", "state": "open",
}  # fmt: skip
SAID = {"who": "dana", "why": "the provider was wrong"}


def rows(*given: dict[str, Any]) -> tuple[list[str], list[list[Any]]]:
    return list(FIELDS), [list({**FIELDS, **row}.values()) for row in given]


def original(data: bytes, size: int = 0) -> tuple[list[str], list[list[Any]]]:
    return ["size_bytes", "original"], [[size or len(data), base64.b64encode(data).decode()]]


class Desk:
    """Remembers what it was to begin."""

    def __init__(self) -> None:
        self.begun: list[tuple[list[str], Wish]] = []
        self.is_busy = False

    def begin(self, letters: Sequence[Letter], of: Wish) -> None:
        if self.is_busy:
            raise RefusedError(409, "the replay of dana is under way; try again when it is done")
        self.begun.append(([letter.dead_letter_id for letter in letters], of))

    def state(self) -> dict[str, Any] | None:
        return None


@asynccontextmanager
async def console(store: FakeStore, desk: Desk | None = None) -> AsyncIterator[TestClient[Any, Any]]:
    app = build_console(store.client, Clock(), replays=desk)
    async with TestClient(TestServer(app)) as client:
        yield client


async def test_a_page_says_where_the_next_one_begins() -> None:
    store = FakeStore({"dead_letters": rows({}, {"dead_letter_id": "a2"}), "dead_letter_groups": (["stage"], [])})
    async with console(store) as client:
        page = await (await client.get("/api/dead-letters?limit=1&source=hooks")).json()
        assert [letter["dead_letter_id"] for letter in page["dead_letters"]] == ["a1"]
        assert page["next"] == "1000-a1"
        more = await client.get(f"/api/dead-letters?limit=1&after={page['next']}")
        assert "groups" not in await more.json()
        assert store.asked[-1][1]["after_id"] == "a1"
        assert store.asked[-1][1]["to_ms"] == 1000


@pytest.mark.parametrize(
    ("data", "form", "text"),
    [
        (b'{"a":[1]}', "json", '{\n  "a": [\n    1\n  ]\n}'),
        ("grüße".encode(), "text", "grüße"),
        (b"\xff\x00\x01", "base64", "/wAB"),
        (b"\x00\x01", "base64", "AAE="),
    ],
)
async def test_bytes_are_shown_as_what_they_are(data: bytes, form: str, text: str) -> None:
    store = FakeStore({"dead_letters": rows({}), "dead_letter_original": original(data)})
    async with console(store) as client:
        letter = await (await client.get("/api/dead-letters/a1")).json()
        assert letter["original"] == {"size_bytes": len(data), "is_cut": False, "form": form, "text": text}
        assert letter["to_do"] == ADVICE["wrong_shape"].to_do
        assert not letter["objection"]


async def test_of_a_large_original_only_the_beginning_is_shown() -> None:
    store = FakeStore({"dead_letters": rows({}), "dead_letter_original": original("ü".encode() * 3 + b"\xc3", 90_000)})
    async with console(store) as client:
        shown = (await (await client.get("/api/dead-letters/a1")).json())["original"]
        assert (shown["is_cut"], shown["text"], shown["size_bytes"]) == (True, "üüü", 90_000)


async def test_an_id_that_only_begins_like_one_is_unknown() -> None:
    async with console(FakeStore({"dead_letters": rows({})})) as client:
        answer = await client.get("/api/dead-letters/a")
        assert answer.status == 404


async def test_a_replay_says_how_many_first_and_then_begins_once() -> None:
    scores = {"dead_letter_id": "a2", "origin_topic": REPUTATION_SCORES.name, "stage": "sink"}
    desk, store = Desk(), FakeStore({"dead_letters": rows({}, scores)})
    async with console(store, desk) as client:
        first = await client.post("/api/dead-letters/replay", json={"code": "wrong_shape", "dry_run": True})
        assert first.status == 200
        found = await first.json()
        assert (found["letters"], found["refused"][0]["letters"], desk.begun) == (1, 1, [])
        assert "Events older than 72 hours" in found["consequences"][0]
        taken = await client.post("/api/dead-letters/replay", json={"code": "wrong_shape", **SAID})
        assert taken.status == 202
        assert [(ids, of.who, of.why) for ids, of in desk.begun] == [(["a1"], *SAID.values())]
        assert (await taken.json())["replay_id"] == desk.begun[0][1].replay_id
        assert store.asked[-1][1]["state"] == "open"  # what was replayed before is not, unless it is named
        desk.is_busy = True
        assert (await client.post("/api/dead-letters/replay", json={"ids": ["a1"], **SAID})).status == 409


@pytest.mark.parametrize(
    ("said", "status", "sentence"),
    [
        ({"ids": ["a1"], "who": "dana"}, 422, "The field why is empty"),
        ({"ids": [], **SAID}, 422, "Ids is empty"),
        ({"ids": ["a1"], "code": "x", **SAID}, 422, "not both"),
        ({"ids": ["a"] * 201, **SAID}, 422, "at most 200"),
        ({"id": "a1", **SAID}, 422, "'id' is unknown here"),
        ({"code": 3, **SAID}, 422, "Code must be a text"),
    ],
)
async def test_a_replay_that_cannot_be_meant_is_refused(said: dict[str, Any], status: int, sentence: str) -> None:
    desk = Desk()
    async with console(FakeStore({"dead_letters": rows({})}), desk) as client:
        answer = await client.post("/api/dead-letters/replay", json=said)
        assert answer.status == status
        assert sentence in (await answer.json())["error"]
        assert not desk.begun


async def test_a_console_without_a_log_says_so() -> None:
    async with console(FakeStore({"dead_letters": rows({})})) as client:
        answer = await client.post("/api/dead-letters/replay", json={"ids": ["a1"], **SAID})
        assert answer.status == 503
        assert "no log" in (await answer.json())["error"]


def test_the_advice_is_that_of_the_operating_page() -> None:
    page = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8").split("## Error codes")[1].split("\n## ")[0]
    found = {
        code: (meaning, to_do)
        for code, meaning, to_do in re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", page, re.MULTILINE)
    }
    assert found == {str(code): tuple(advice) for code, advice in ADVICE.items()}
