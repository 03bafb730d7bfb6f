"""Decisions on the command line and page by page, against the real engine and a real log."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from confluent_kafka import Consumer, TopicPartition

from schemas.avro import Codec
from schemas.errors import Misconfigured
from schemas.identity import digest
from schemas.remediation import Ruling, Verb
from schemas.rulings import RefusedError
from schemas.settings import Settings
from schemas.topics import RULINGS
from sinks.clickhouse import connect
from sinks.migrate import apply_tables
from streams.commands.decisions import Asked, find, run_list, run_rule, run_show
from streams.local.broker import Tansu
from streams.topics import apply_topics
from streams.wiring.ruling_log import RulingLog
from tests.integration.console_client import NOW, console
from tests.integration.store_process import StoreProcess

WIDTH = 80
SIGNAL = {"detector": "cusum bounces", "statistic": 12.6, "warn": 7.0, "throttle": 9.0, "pause": 12.0}
EVIDENCE = {
    "sent": 1240,
    "bounced_address": 98,
    "signals": [{**SIGNAL, "level": "paused", "explanation": "98 of 1,240"}],
}


def at(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def insert(client: Client, table: str, **row: Any) -> None:
    client.insert(table, [list(row.values())], column_names=list(row), database="mailweir")


def decide(client: Client, name: str, minutes_ago: int, **more: Any) -> None:
    row: dict[str, Any] = {
        "decision_id": name,
        "tenant": "acme",
        "kind": "campaign",
        "key": "spring",
        "campaign_id": "spring",
        "action": "pause_campaign",
        "mode": "approve",
        "level": "paused",
        "previous_level": "watch",
        "reason": "98 of 1,240 messages bounced, tolerable are 4 %.",
        "evidence": json.dumps(EVIDENCE),
        "policy_version": "3",
        "cause": "bounces",
        "share": 0.0,
        "decided_at": at(NOW - minutes_ago * 60_000),
        **more,
    }
    insert(client, "decisions", **row)


def fill(client: Client) -> None:
    decide(client, "aa11waiting", 1)
    decide(client, "aa22done", 2)
    decide(client, "bb33other", 3, tenant="other", campaign_id="autumn", key="autumn-sale-" + "x" * 80)
    for number in range(5):  # all in one millisecond
        decide(client, f"cc{number}", 60 * 24 * 10, mode="act")
    said = {"decision_id": "aa22done", "tenant": "acme"}
    done = {
        "source": "sg",
        "driver": "sendgrid",
        "status": "done",
        "attempt": 2,
        "http_status": 204,
        "detail": "paused",
    }
    insert(client, "outcomes", outcome_id="o", **said, **done, executed_at=at(NOW - 100_000))
    words = {"verb": "approve", "who": "dana", "why": "The list was bought."}
    insert(client, "rulings", ruling_id="r", **said, **words, ruled_at=at(NOW - 110_000))


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    store = StoreProcess(tmp_path_factory.mktemp("decisions") / "store")
    client = store.start()
    apply_tables(client)
    fill(client)
    client.close()
    yield store
    store.stop()


@pytest.fixture(scope="module")
def store(process: StoreProcess) -> Iterator[Client]:
    client = connect(process.url)
    yield client
    client.close()


def listed(store: Client, **asked: Any) -> list[str]:
    out = io.StringIO()
    run_list(store, Asked(**asked), out, NOW, width=WIDTH, as_json=True)
    return [json.loads(line)["decision_id"] for line in out.getvalue().splitlines()]


def test_the_list_fits_a_terminal_and_says_where_each_decision_stands(store: Client) -> None:
    out = io.StringIO()
    assert run_list(store, Asked(), out, NOW, width=WIDTH, as_json=False) == 0
    lines = out.getvalue().splitlines()
    assert lines[0].split() == ["ID", "DECIDED", "(UTC)", "STATE", "TENANT", "WHAT"]
    assert lines[1].split() == [
        *("aa11wait", "2025-10-09", "08:52", "waiting", "acme", "pause", "campaign", "spring"),
    ]
    assert [line.split()[3] for line in lines[1:5]] == ["waiting", "done", "waiting", "open"]
    assert max(map(len, lines)) == WIDTH
    assert lines[3].endswith("…")


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"state": "waiting"}, ["aa11waiting", "bb33other"]),
        ({"state": "waiting", "tenant": "other"}, ["bb33other"]),
        ({"campaign": "autumn"}, ["bb33other"]),
        ({"since": "90s"}, ["aa11waiting"]),
        ({"since": "9d"}, ["aa11waiting", "aa22done", "bb33other"]),
        ({"limit": 1}, ["aa11waiting"]),
        ({"tenant": "nobody"}, []),
    ],
)
def test_the_list_is_narrowed_by_what_was_asked(store: Client, asked: dict[str, Any], found: list[str]) -> None:
    assert listed(store, **asked) == found


def test_an_empty_list_says_what_was_looked_for_and_a_cut_one_that_there_is_more(store: Client) -> None:
    out = io.StringIO()
    run_list(store, Asked(tenant="nobody"), out, NOW, width=WIDTH, as_json=False)
    assert out.getvalue() == "No decisions (tenant nobody).\n"
    run_list(store, Asked(limit=2), out, NOW, width=WIDTH, as_json=False)
    assert out.getvalue().endswith(
        "There are more; --limit shows them, --since, --tenant and --state narrow the list.\n"
    )


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [({"state": "wating"}, "--state: 'wating' is none of open, waiting"), ({"since": "soon"}, "--since: 'soon'")],
)
def test_a_misspelt_question_is_refused(store: Client, asked: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Misconfigured, match=sentence):
        listed(store, **asked)


def test_a_decision_is_shown_with_evidence_words_and_outcomes_within_the_width(store: Client) -> None:
    out = io.StringIO()
    run_show(store, "aa2", out, NOW, width=WIDTH, as_json=False)
    text = out.getvalue()
    assert max(map(len, text.splitlines())) <= WIDTH
    for part in (
        "Pause campaign spring\n",
        "State        done",
        "because of bounces",
        "Let through  nothing",
        "dana approved: The list was bought.",
        "sg by sendgrid: done, 2 attempts, HTTP 204. paused",
        "sent 1,240, bounced_address 98",
        "cusum bounces: 12.6 (warns at 7, throttles at 9, pauses at 12), paused.",
        'mailweir decisions revert aa22done --why "..."',
        "A revert: The campaign spring is resumed",
    ):
        assert part in text, part


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("aa", "2 decisions begin with aa, such as aa11wa, aa22do; give more of the id"),
        ("cc", "more than 3 decisions begin with cc"),
        ("aa2x", r"no decision begins with 'aa2x'; the nearest is aa22done \(pause campaign spring\)"),
        ("zz", "no decision begins with 'zz'; `mailweir decisions list` shows them"),
        ("", "no decision begins with ''"),
    ],
)
def test_an_id_that_is_none_or_several_is_refused_with_the_nearest(store: Client, given: str, sentence: str) -> None:
    with pytest.raises(RefusedError, match=sentence):
        find(store, given)


def test_an_id_may_be_cut_short(store: Client) -> None:
    assert find(store, " AA1")["decision_id"] == "aa11waiting"


def test_a_word_from_the_command_line_is_in_the_log(store: Client, tansu: Tansu) -> None:
    apply_topics(tansu.bootstrap, 1, 1)
    of = Settings(kafka=tansu.bootstrap)
    log, out = RulingLog(of), io.StringIO()
    reader = Consumer({"bootstrap.servers": tansu.bootstrap, "group.id": "rulings-test", "enable.auto.commit": False})
    _, end = reader.get_watermark_offsets(TopicPartition(RULINGS.name, 0), timeout=10)
    try:
        assert run_rule(store, "aa1", Verb.REJECT, "dana", "Our own test.", log.append, out, NOW) == 0
        reader.assign([TopicPartition(RULINGS.name, 0, end)])
        message = reader.poll(20)
    finally:
        log.close()
        reader.close()
    assert message is not None
    ruling = Codec().decode(message.value() or b"", Ruling)
    assert (ruling.decision_id, ruling.verb, ruling.who, ruling.why) == (
        "aa11waiting",
        "reject",
        "dana",
        "Our own test.",
    )
    assert message.key() == ruling.ruling_id.encode() == digest("acme", "aa11waiting", "reject", "").encode()
    assert out.getvalue().startswith("Rejected: pause campaign spring.\n")


def test_a_word_that_is_refused_never_reaches_the_log(store: Client) -> None:
    async def append(ruling: Ruling) -> None:
        raise AssertionError(ruling)

    with pytest.raises(RefusedError, match="the decision was carried out; only one that waits can be approved"):
        run_rule(store, "aa2", Verb.APPROVE, "dana", "x", append, io.StringIO(), NOW)


async def test_the_pages_of_the_list_hold_every_decision_once_even_of_one_millisecond(process: StoreProcess) -> None:
    found: list[str] = []
    async with console(process.url) as browser:
        after = ""
        while after is not None:
            given = {"limit": "2", **({"after": after} if after else {})}
            answer = await (await browser.get("/api/decisions", params=given)).json()
            found += [row["decision_id"] for row in answer["decisions"]]
            after = answer["next"]
    assert found == ["aa11waiting", "aa22done", "bb33other", *(f"cc{number}" for number in range(5))]


async def test_one_decision_comes_with_everything_the_store_knows(process: StoreProcess) -> None:
    async with console(process.url) as browser:
        shown = await (await browser.get("/api/decisions/aa22done")).json()
        assert (await browser.get("/api/decisions/aa22")).status == 404  # the API takes whole ids only
    assert (shown["state"], shown["who"], shown["verb"]) == ("done", "dana", "approve")
    assert shown["outcomes"][0]["executed_at"] == NOW - 100_000
    assert shown["evidence"] == EVIDENCE
    assert shown["possible"] == ["revert"]
